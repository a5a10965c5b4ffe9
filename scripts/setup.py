"""Make .venv with everything Kennel needs: `python3 scripts/setup.py [--tools | --lint | ...]`.

With --tools it makes .venv-tools instead (the SAM command line and cfn-lint), with --lint
.venv-lint (checkov, parliament, schemathesis and a policy simulator), with --sdk2 or --sdk3
.venv-sdk2 or .venv-sdk3 (AWS's SageMaker SDK): they need other versions of the same packages. A
second run does nothing unless the requirements changed. This script runs on Python 3.6 and later,
so that an old Python is answered with a sentence instead of a SyntaxError.
"""

import hashlib
import platform
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
SIMULATOR = REQUIREMENTS / "simulator"
FUNCTIONS = ROOT / "functions"
LOG = ROOT / ".kennel" / "setup.log"
OLDEST_PYTHON = (3, 11)


def steps(venv: Path) -> list:  # type: ignore[type-arg]
    """Return (title, pip's arguments) for each step that fills `venv`."""
    if venv.name == ".venv-tools":
        tools = ["install", "-r", "tools.txt", "-c", "constraints-tools.txt"]
        return [("the SAM command line", tools)]
    if venv.name == ".venv-lint":
        lint = ["install", "-r", "lint.txt", "-c", "constraints-lint.txt"]
        return [("checkov, parliament, schemathesis and Node.js", lint)]
    if venv.name in (".venv-sdk2", ".venv-sdk3"):
        name = venv.name[len(".venv-") :]
        sdk = ["install", "-r", name + ".txt", "-c", "constraints-" + name + ".txt"]
        return [("AWS's SageMaker SDK", sdk)]
    requirement_files = [str(file) for file in sorted(FUNCTIONS.glob("*/requirements.txt"))]
    wheels = [part for file in requirement_files for part in ("-r", file)]
    lambda_files = venv / "lambda"  # the offline cloud runs functions from these, without a network
    return [
        (
            "PyTorch and the rest",
            ["install", "-r", "kennel.txt", "-r", "dev.txt", "-c", "constraints.txt"],
        ),
        ("sample photos", ["install", "--no-deps", "-r", "photos.txt"]),
        ("what the functions need", ["download", "-d", str(lambda_files / "wheels"), *wheels]),
        (
            "AWS's Lambda runtime",
            ["install", "--target", str(lambda_files / "runtime"), "-r", "lambda_runtime.txt"],
        ),
        (
            "AWS's Lambda emulator",
            ["download", "--no-deps", "-d", str(lambda_files), "-r", "emulator.txt"],
        ),
        ("the kennel command", ["install", "--no-deps", "-e", str(ROOT)]),
    ]


# (texts in pip's output, the sentence that explains them)
CAUSES = [
    (
        ("command 'gcc' failed", "command 'cc' failed", "No such file or directory: 'gcc'"),
        "a package had to be compiled and there is no C compiler: install gcc and the Python "
        "headers (Debian: apt-get install gcc python3-dev), then run this again",
    ),
    (
        ("NewConnectionError", "NameResolutionError", "ProxyError", "ReadTimeoutError",
         "ConnectTimeoutError", "Connection refused", "No matching distribution"),
        "pip could not get a package from its registry: check the network and pip's settings "
        "(pip config list), then run this again",
    ),
    (
        ("No space left on device",),
        "the disk is full: the environment takes about 7 GB; free some room, then run this again",
    ),
]  # fmt: skip


class SetupError(Exception):
    """A failed set-up, as one sentence: what happened, and what to do."""


def check_machine() -> None:
    """Raise SetupError if this Python or operating system is not supported."""
    if sys.version_info < OLDEST_PYTHON:
        raise SetupError(
            f"this is Python {platform.python_version()}, and Kennel needs 3.11 or newer: "
            "name one, as in make PYTHON=python3.12"
        )
    if platform.system() != "Linux":
        raise SetupError(
            f"this is {platform.system()}, and AWS's Lambda emulator runs on Linux only: use a "
            "Linux machine, a virtual machine or WSL 2"
        )


def fingerprint(venv: Path) -> str:
    """Return a digest of what determines the content of `venv`: requirement files and Python."""
    digest = hashlib.sha256((sys.executable + platform.python_version()).encode())
    named = {name for _, pip in steps(venv) for name in pip if name.endswith(".txt")}
    files = [REQUIREMENTS / name for name in named]  # those of the functions are whole paths
    if venv.name == ".venv-lint":
        files += SIMULATOR.glob("*.json")
    for file in sorted(files):
        digest.update(str(file).encode() + file.read_bytes())
    return digest.hexdigest()


def install(venv: Path) -> None:
    """Install everything into a new `venv`, and print a line for each step."""
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("w") as log:
        venv_process = subprocess.run(
            [sys.executable, "-m", "venv", str(venv)], stdout=log, stderr=log, check=False
        )
        if venv_process.returncode:
            raise SetupError(
                "python3 -m venv failed: install venv (Debian: apt-get install python3-venv), "
                "then run this again"
            )
        for title, arguments in steps(venv):
            started = time.time()
            print(f"  {title} ... ", end="", flush=True)
            pip = [str(venv / "bin" / "python"), "-m", "pip", "--no-input", "--retries", "2"]
            install_process = subprocess.run(
                [*pip, "--disable-pip-version-check", *arguments],
                stdout=log,
                stderr=log,
                cwd=str(REQUIREMENTS),
                check=False,
            )
            if install_process.returncode:
                print("failed")
                raise SetupError(cause(LOG.read_text(errors="replace")))
            print(f"{time.time() - started:.0f} s")
    extract_emulator(venv / "lambda")
    if venv.name == ".venv-lint":
        add_simulator(venv)


def extract_emulator(folder: Path) -> None:
    """Extract AWS's Lambda emulator, which ships only inside the SAM command line's wheel."""
    for wheel in folder.glob("aws_sam_cli-*.whl"):
        with zipfile.ZipFile(str(wheel)) as archive:
            for member in archive.namelist():
                if "/rapid/aws-lambda-rie-" in member:
                    file = folder / Path(member).name
                    file.write_bytes(archive.read(member))
                    file.chmod(0o755)
        wheel.unlink()


def add_simulator(venv: Path) -> None:
    """Install the policy simulator, an npm package; without it its tests are skipped."""
    print("  the policy simulator ... ", end="", flush=True)
    folder = venv / "simulator"
    folder.mkdir()
    for file in SIMULATOR.glob("*.json"):
        shutil.copy(str(file), str(folder))
    with LOG.open("a") as log:
        npm = subprocess.run(
            [str(venv / "bin" / "npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            stdout=log,
            stderr=log,
            cwd=str(folder),
            check=False,
        )
    print(f"failed: npm could not get it, see {LOG}" if npm.returncode else "done")


def cause(text: str) -> str:
    """Return the sentence that explains pip's output."""
    for patterns, sentence in CAUSES:
        if any(pattern in text for pattern in patterns):
            return sentence
    errors = [line for line in text.splitlines() if line.startswith("ERROR")]
    return f"pip failed ({errors[-1] if errors else 'no reason given'}): see {LOG}"


def replace(venv: Path) -> None:
    """Make a new `venv`; on a failure, and on Ctrl-C, restore the previous one."""
    previous = venv.with_name(venv.name + ".previous")
    shutil.rmtree(previous, ignore_errors=True)
    if venv.exists():
        venv.rename(previous)
    try:
        install(venv)
        (venv / "kennel-stamp").write_text(fingerprint(venv))
    except BaseException:
        shutil.rmtree(venv, ignore_errors=True)
        if previous.exists():
            previous.rename(venv)
        raise
    shutil.rmtree(previous, ignore_errors=True)


def main(arguments: list) -> int:  # type: ignore[type-arg]  # list[str] needs 3.9
    """Make the venv that the flags name, unless it is up to date; return the exit status."""
    flags = ("--tools", "--lint", "--sdk2", "--sdk3")
    names = {flag: ".venv-" + flag[2:] for flag in flags}
    venv = ROOT / next((names[flag] for flag in arguments if flag in names), ".venv")
    stamp = venv / "kennel-stamp"
    try:
        check_machine()
        if stamp.exists() and stamp.read_text() == fingerprint(venv):
            return 0
        print(f"Setting up {venv.name} (once, some minutes)")
        replace(venv)
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: interrupted; the previous environment is restored", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
