"""Write files atomically, write reproducible archives, and compute SHA-256 digests of files."""

import gzip
import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that is renamed to `path` if the block succeeds.

    A reader sees the old file or the new one, even if the process is killed.

    Raises
    ------
    OSError
        Also that of the block; if it names no file, or the temporary one, it names `path`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o644)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        unnamed = error.errno is not None and error.filename is None
        if unnamed or Path(str(error.filename)).name.startswith(f".{path.name}."):
            error.filename = str(path)
        raise


def write_tar_gz(path: Path, members: Mapping[str, bytes]) -> None:
    """Write `members` (name in the archive to content) as a .tar.gz at `path`, atomically.

    The same members give the same bytes: they are sorted and carry no times, owners or modes.
    Names have no leading `./`, which SageMaker's training toolkit does not accept.
    """
    with (
        whole_file(path) as temporary,
        temporary.open("wb") as raw,
        # level 1: float weights hardly compress, and level 9 would cost 2 s for 1 % less
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=1, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name in sorted(members):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(members[name]), 0o644
            archive.addfile(entry, io.BytesIO(members[name]))


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
