"""Write files atomically, write reproducible archives, unpack packages, and compute digests.

Imports only the standard library.
"""

import errno
import gzip
import hashlib
import io
import lzma
import os
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dogbreeds.package.card import PackageError

PACKAGE = "model.tar.gz"
MAX_UNPACKED = 16_000_000_000  # bytes; the largest backbones' packages have some 4,000,000,000

_BROKEN = (OSError, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, ValueError)


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
        # level 0, which stores: float weights hardly compress. Level 1 is 8 % smaller, and takes
        # 0.4 s more to unpack, which whoever classifies a photo from the shell waits for.
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=0, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name in sorted(members):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(members[name]), 0o644
            archive.addfile(entry, io.BytesIO(members[name]))


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Yield the folder of an unpacked package, unpacked temporarily if `path` is an archive.

    Parameters
    ----------
    path : Path
        A .tar.gz, a folder that holds `model.tar.gz` (SageMaker's channel), or an unpacked package.

    Raises
    ------
    PackageError
        `path` is not a package, is cut or damaged, or holds a file that would be written elsewhere.
    """
    if path.is_dir() and (path / "card.json").is_file():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="kennel-package-") as name:
        with opened(path) as packed:
            packed.extractall(name, filter=_limited_data_filter())  # noqa: S202  # it is filtered
            # up to its end, where gzip's checksum is: tar does not need the last bytes
            while packed.fileobj and packed.fileobj.read(1 << 20):
                pass
        yield Path(name)


@contextmanager
def opened(path: Path) -> Iterator[tarfile.TarFile]:
    """Yield the open archive of a package: a .tar.gz, or that in a folder.

    Raises
    ------
    PackageError
        There is none, or the block found that it is cut or damaged.
    """
    archive = path / PACKAGE if path.is_dir() else path
    if path.is_dir() and not archive.is_file():
        raise PackageError(
            f"{path} holds neither card.json nor {PACKAGE}; name the {PACKAGE} of a training."
        )
    try:
        with tarfile.open(archive) as packed:
            yield packed
    except FileNotFoundError as error:
        raise PackageError(f"There is no {archive}; name the {PACKAGE} of a training.") from error
    except _BROKEN as error:
        if isinstance(error, OSError) and error.errno:  # not the archive's fault
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            where = f" in {tempfile.gettempdir()} (TMPDIR)" if full else ""
            raise PackageError(f"{archive} cannot be unpacked{where}: {error.strerror}.") from error
        reason = str(error).partition("\n")[0].rstrip(":.")  # tarfile appends a list of formats
        raise PackageError(
            f"{archive} is not a whole model package ({reason}); name the {PACKAGE} of a training."
        ) from error


def _limited_data_filter() -> Callable[[tarfile.TarInfo, str], tarfile.TarInfo | None]:
    """Return tarfile's filter for data, extended to refuse archives that would fill a disk."""
    total = 0

    def checked(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
        nonlocal total
        total += member.size
        if total > MAX_UNPACKED:
            raise PackageError(
                f"The model package unpacks to more than {MAX_UNPACKED:,} bytes; name the "
                f"{PACKAGE} of a training."
            )
        return tarfile.data_filter(member, folder)

    return checked


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
