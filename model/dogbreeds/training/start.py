"""Check at the start of a training all that can be known then, before PyTorch is imported.

A typing mistake then costs a tenth of a second and no memory, where PyTorch takes 4 s and 0.4 GB.
"""

import errno
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from dogbreeds.data.audit import accepted_kinds
from dogbreeds.data.dataset import DataError, folders_to_read
from dogbreeds.data.layouts import check_folder
from dogbreeds.finetune.recipes import recipe_for
from dogbreeds.network import hub
from dogbreeds.package.card import PackageError
from dogbreeds.package.live import check_live
from dogbreeds.training.settings import TrainingSettings


def check(settings: TrainingSettings) -> None:
    """Refuse settings that cannot lead to a package.

    Raises
    ------
    DataError, PackageError
        The message is one sentence.
    """
    folders = list(folders_to_read(settings.data, settings.channels).values())
    for folder in folders:
        check_folder(folder)
    accepted_kinds(settings.accept)
    if settings.finetune:
        recipe_for(0, settings.recipe)
    hub.check_name(settings.backbone)
    if settings.backbone_weights:
        hub.weights_in(settings.backbone_weights)
    if settings.label_report:
        require_cleanlab()
    check_live(settings.live)
    _check_outputs(settings, folders)


def _check_outputs(settings: TrainingSettings, folders: list[Path]) -> None:
    outputs = {
        "--out": settings.out,
        "--model-dir": settings.model_dir,
        "--cache": settings.cache,
        "--checkpoints": settings.checkpoints,
    }
    for flag, output in outputs.items():
        if output is None:
            continue
        if output.exists() and not output.is_dir():
            raise DataError(f"{flag} {output} is a file; name a folder.")
        for folder in folders:
            if output.resolve().is_relative_to(folder.resolve()):
                raise DataError(
                    f"{flag} {output} lies in the folder of photos {folder}, so the next training "
                    "would take what this one writes for photos; name a folder outside it."
                )


def require_cleanlab() -> None:
    """Refuse a label report that cannot be made.

    Raises
    ------
    PackageError
        cleanlab is not installed.
    """
    if find_spec("cleanlab") is None:
        raise PackageError(
            "--label-report needs the package cleanlab, which is not installed: run "
            "`pip install cleanlab`, or leave the flag out."
        )


def is_first(environment: Mapping[str, str]) -> bool:
    """Return whether this is the first process of a training, by torchrun's rank or by host."""
    if rank := environment.get("RANK"):
        return rank == "0"
    hosts = json.loads(environment.get("SM_HOSTS") or "[]")
    return len(hosts) <= 1 or environment.get("SM_CURRENT_HOST") == hosts[0]


@contextmanager
def only_training_into(out: Path) -> Iterator[None]:
    """Hold a lock on the folder `out` while the block runs; the system frees it after a kill, too.

    Raises
    ------
    DataError
        Another training writes into it.
    """
    out.mkdir(parents=True, exist_ok=True)
    handle = os.open(out, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DataError(
                f"Another training writes into {out}; wait for its end, or name another folder by "
                "--out."
            ) from error
        except OSError as error:  # some network file systems have no locks
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EBADF, errno.EINVAL):
                raise
        yield
    finally:
        os.close(handle)
