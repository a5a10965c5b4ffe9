"""Write requirements/constraints*.txt from the packages installed in the venvs: `make lock`.

Run it after changing a version in the other requirement files and after
`make setup tools lint sdks`.
"""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {
    ".venv": ("constraints.txt", "kennel.txt and dev.txt"),
    ".venv-tools": ("constraints-tools.txt", "tools.txt"),
    ".venv-lint": ("constraints-lint.txt", "lint.txt"),
    ".venv-sdk2": ("constraints-sdk2.txt", "sdk2.txt"),
    ".venv-sdk3": ("constraints-sdk3.txt", "sdk3.txt"),
}


def main() -> None:
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


if __name__ == "__main__":
    main()
