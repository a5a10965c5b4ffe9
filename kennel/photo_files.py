"""Find photo files, and name their media types."""

from collections.abc import Iterable
from pathlib import Path

from kennel.errors import KennelError

#: Media type by the file name's ending: the types that the API takes.
MEDIA_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}


def find_photos(paths: Iterable[Path]) -> list[Path]:
    """Return the files among `paths` and the photos anywhere in its folders, sorted in each.

    Raises
    ------
    KennelError
        For a path that does not exist, or a folder without a photo.
    """
    photos: list[Path] = []
    for path in paths:
        if path.is_dir():
            in_folder = [file for file in path.rglob("*") if file.suffix.lower() in MEDIA_TYPES]
            if not in_folder:
                raise KennelError(
                    f"{path} holds no photo: expected files ending in {', '.join(MEDIA_TYPES)}"
                )
            photos += sorted(in_folder)
        elif path.is_file():
            photos.append(path)
        else:
            raise KennelError(f"{path} does not exist: name a photo or a folder of photos")
    return photos
