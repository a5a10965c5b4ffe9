"""A file system of limited size, in memory, so that it can be full."""

import subprocess
from pathlib import Path

DISK_SIZE = "600m"


def mount(folder: Path) -> bool:
    """Mount a file system of limited size, in memory; return False where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_SIZE}", "tmpfs", str(folder)]
    return not subprocess.run(command, capture_output=True, check=False).returncode


def unmount(folder: Path) -> None:
    """Unmount a file system, though files on it may still be open."""
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
