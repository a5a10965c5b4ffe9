"""Values are stored, and listed in the order of their creation."""

import asyncio
from pathlib import Path

import pytest

from kennel.cloud.runtime.state_errors import NotStored
from kennel.cloud.runtime.store import Store
from kennel.errors import KennelError
from tests.kennel.cloud.disks import fill


def test_what_was_put_is_got_in_the_order_of_creation() -> None:
    store = Store(None)
    store.put("job", "b", {"n": 1})
    store.put("job", "a", {"n": 2})
    store.put("model", "a", {"n": 3})
    store.put("job", "b", {"n": 4})  # a change keeps its place
    assert store.get("job", "b") == {"n": 4}
    assert store.all("job") == [{"n": 4}, {"n": 2}]
    store.delete("job", "b")
    assert store.get("job", "b") is None
    assert store.all("job") == [{"n": 2}]
    store.close()


def test_a_file_outlives_its_store(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "state.sqlite"
    first = Store(file)
    first.put("job", "a", {"text": "Ü"})
    first.close()
    second = Store(file)
    assert second.all("job") == [{"text": "Ü"}]
    second.close()


def test_a_full_disk_stops_no_work_and_loses_nothing(small_disk: Path) -> None:
    file = small_disk / "state.sqlite"
    store = Store(file)
    store.put("job", "a", {"n": 1})
    store.put("job", "b", {"n": 2})
    filler = fill(small_disk)
    large = {"text": "x" * 2**20}
    store.put("job", "c", large)
    store.put("job", "a", {"n": 3})
    store.delete("job", "b")
    assert store.all("job") == [{"n": 3}, large]
    assert (store.get("job", "a"), store.get("job", "b")) == ({"n": 3}, None)
    with pytest.raises(NotStored):
        store.refuse_if_full()

    async def with_room() -> None:
        filler.unlink()
        running = asyncio.ensure_future(store.run())
        while store.unstored:
            await asyncio.sleep(0.05)
        running.cancel()

    asyncio.run(with_room())
    store.refuse_if_full()
    store.close()
    again = Store(file)
    assert again.all("job") == [{"n": 3}, large]
    again.close()


def test_changes_that_are_lost_at_the_end_are_counted(small_disk: Path) -> None:
    store = Store(small_disk / "state.sqlite")
    fill(small_disk)
    store.put("job", "a", {"text": "x" * 2**20})
    with pytest.raises(KennelError, match=r"the last 1 changes are lost: .* make room"):
        store.close()
