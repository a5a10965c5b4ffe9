"""What is remembered, and in which order."""

from pathlib import Path

from kennel.cloud.runtime.store import Store


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
