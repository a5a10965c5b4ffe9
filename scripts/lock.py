"""Pin all installed packages in constraints files, and hash those that are deployed: `make lock`.

Run it after changing a version in the other requirement files, or above LINE in those of HASHED,
and after `make setup tools lint sdks`. It asks PyPI for hashes, for ten minutes.
"""

import importlib.metadata
import itertools
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Set
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {
    ".venv": ("constraints.txt", "kennel.txt and dev.txt"),
    ".venv-tools": ("constraints-tools.txt", "tools.txt"),
    ".venv-lint": ("constraints-lint.txt", "lint.txt"),
    ".venv-sdk2": ("constraints-sdk2.txt", "sdk2.txt"),
    ".venv-sdk3": ("constraints-sdk3.txt", "sdk3.txt"),
}
LINE = "# What these need; `make lock` writes this part and all hashes."
#: What Lambda or a container is given -> packages that its image brings, with all that they need.
HASHED = {
    "functions/common/requirements.txt": set[str](),
    "functions/classify/requirements.txt": set[str](),
    "model/requirements.txt": {"torch", "torchvision"},
    "model/requirements-serving.txt": set[str](),
    "model/requirements-ray.txt": {"numpy"},
}
#: Of Lambda, the images, and the machines that install these files: two processors, and the newest
#: glibc that a wheel asks for (OpenVINO's for Arm; the serving image's Debian has 2.41).
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = (
    ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    (
        *("manylinux_2_35_aarch64", "manylinux_2_31_aarch64", "manylinux_2_28_aarch64"),
        *("manylinux_2_17_aarch64", "manylinux2014_aarch64"),
    ),
)


def write_constraints() -> None:
    """Write one lock file for each venv."""
    for venv, (name, source) in LOCKS.items():
        frozen = subprocess.run(
            [ROOT / venv / "bin" / "pip", "freeze", "--exclude-editable"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        head = f"# The versions of everything that {source} pull in: `make lock` writes it.\n"
        # foolbox is installed without its dependencies, from photos.txt
        lines = [line for line in frozen.splitlines(True) if not line.startswith("foolbox")]
        (ROOT / "requirements" / name).write_text(head + "".join(lines))


def write_hashes(file: Path, brought: Set[str]) -> None:
    """Write a file anew: what is above LINE, all that it needs, and hashes."""
    comments, direct = read_requirements(file)
    listed = {canonicalize_name(name) for name in direct}
    indirect = {
        str(name): importlib.metadata.version(name)
        for name in map(canonicalize_name, needed(direct, brought))
        if name not in listed
    }
    hashes = find_hashes({**direct, **indirect})

    def block(pins: dict[str, str]) -> Iterator[str]:
        for name, version in sorted(pins.items(), key=lambda pin: pin[0].lower()):
            digests = hashes[canonicalize_name(name)]
            yield " \\\n    ".join(
                [f"{name}=={version}", *(f"--hash={digest}" for digest in digests)]
            )

    below = [LINE, *block(indirect)] if indirect else []
    file.write_text("\n".join([*comments, *block(direct), *below, ""]))


def read_requirements(file: Path) -> tuple[list[str], dict[str, str]]:
    """Return a file's comments, and the versions by name that it has above LINE."""
    lines = file.read_text().partition(LINE)[0].splitlines()
    pins = [line.split()[0].split("==") for line in lines if line[:1].isalnum()]
    return [line for line in lines if line.startswith("#")], dict(pins)


def needed(names: Iterable[str], brought: Set[str]) -> Set[str]:
    """Return these packages and all that they need, as installed here, without those brought."""
    packages: set[str] = set()
    waiting = [canonicalize_name(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name in packages or name in brought:
            continue
        packages.add(name)
        for text in importlib.metadata.requires(name) or []:
            requirement = Requirement(text)
            marker = requirement.marker
            if not marker or any(marker.evaluate({"python_version": each}) for each in PYTHONS):
                waiting.append(canonicalize_name(requirement.name))
    return packages


def find_hashes(pins: dict[str, str]) -> dict[str, list[str]]:
    """Return the SHA-256 of every wheel of these versions that the containers may install."""
    hashes_of: dict[str, set[str]] = {canonicalize_name(name): set() for name in pins}
    for python, platforms in itertools.product(PYTHONS, PLATFORMS):
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder, "report.json")
            command: list[Any] = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps"]
            # PyPI's own files, whatever mirror pip is set to: theirs are what AWS's containers get.
            command += ["--isolated", "--index-url", "https://pypi.org/simple"]
            command += ["--quiet", "--ignore-installed", "--only-binary=:all:", "--report", report]
            command += ["--target", folder, "--implementation", "cp", "--python-version", python]
            command += [part for each in platforms for part in ("--platform", each)]
            command += [f"{name}=={version}" for name, version in pins.items()]
            subprocess.run(command, check=True)
            for each in json.loads(report.read_text())["install"]:
                name = canonicalize_name(each["metadata"]["name"])
                hashes_of[name].add(
                    f"sha256:{each['download_info']['archive_info']['hashes']['sha256']}"
                )
    return {str(name): sorted(hashes) for name, hashes in hashes_of.items()}


def main() -> None:
    """Write all of them."""
    write_constraints()
    for name, brought in HASHED.items():
        write_hashes(ROOT / name, brought)


if __name__ == "__main__":
    main()
