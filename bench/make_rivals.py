"""Make .venv-rivals: LitServe, BentoML, FastAPI, mosec and Ray Serve, beside the product's .venv.

    python3 bench/make_rivals.py       # 30 s; nothing to do the second time

They pin other versions of libraries that Kennel uses, so they get a venv of their own. PyTorch and
other large packages are not installed twice: .venv is on its path, after its own packages.
"""

import hashlib
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "bench" / "rivals" / "requirements.txt"
RIVALS = ROOT / ".venv-rivals"
PRODUCT = ROOT / ".venv" / "bin" / "python"


def main() -> int:
    """Make the venv unless it is up to date."""
    if not PRODUCT.exists():
        print("make_rivals: there is no .venv; run `make setup` first", file=sys.stderr)
        return 1
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    stamp = RIVALS / "kennel-stamp"
    if stamp.exists() and stamp.read_text() == digest:
        return 0
    shutil.rmtree(RIVALS, ignore_errors=True)
    base = subprocess.run(
        [PRODUCT, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    if Path(sys.executable).resolve() != PRODUCT.resolve():
        print("make_rivals: run it with .venv/bin/python, whose Python it must be", file=sys.stderr)
        return 1
    venv.create(RIVALS, with_pip=True)
    own = sysconfig.get_path("purelib", vars={"base": str(RIVALS), "platbase": str(RIVALS)})
    # addsitedir, unlike a bare path, also follows the .pth files of that folder
    Path(own, "zz-product.pth").write_text(f"import site; site.addsitedir({base!r})\n")
    pip = [
        str(RIVALS / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "-q",
        "--disable-pip-version-check",
    ]
    done = subprocess.run([*pip, "-r", str(REQUIREMENTS)], check=False)
    if done.returncode == 0:
        stamp.write_text(digest)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
