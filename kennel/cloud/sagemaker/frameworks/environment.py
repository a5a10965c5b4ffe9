"""Make the Python environment of one container: this one's packages, and room for its own.

AWS's images install what a `requirements.txt` names into the container. Here that goes to a folder
of the job or of the model server: an environment that finds the packages of this Python, too, so
that only what is missing, or is here in another version, is downloaded.
"""

import os
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

_PIP_SECONDS = "15"  # a machine without a network should say so soon
#: Settings of pip that would lead packages out of the environment.
_ELSEWHERE = {"PIP_PREFIX", "PIP_ROOT", "PIP_TARGET", "PIP_USER"}


@dataclass(frozen=True)
class Environment:
    """The Python environment in a folder: its interpreter and the folder of its own packages."""

    folder: Path

    @property
    def python(self) -> Path:
        """The interpreter."""
        return self.folder / "bin" / "python"

    @property
    def packages(self) -> Path:
        """Where pip installs."""
        base = {"base": str(self.folder), "platbase": str(self.folder)}
        return Path(sysconfig.get_path("purelib", vars=base))


def make_environment(folder: Path) -> Environment:
    """Make a Python environment in `folder`."""
    venv.EnvBuilder(symlinks=True).create(folder)
    environment = Environment(folder)
    here = sysconfig.get_path("purelib")
    path_file = environment.packages / "here.pth"
    path_file.write_text(f"import site; site.addsitedir({here!r})\n")
    for name in ("pip", "pip3"):  # the next ones on PATH would install into Kennel's own venv
        script = folder / "bin" / name
        script.write_text(f'#!/bin/sh\nexec {environment.python} -m pip "$@"\n')
        script.chmod(0o755)
    return environment


def pip_error(output: str) -> str:
    """Return the last error in pip's output, which names what could not be installed."""
    errors = [each for each in output.splitlines() if each.startswith("ERROR:")]
    return errors[-1] if errors else "no reason given"


def pip_settings() -> dict[str, str]:
    """Return the variables with which pip installs packages as it does on this machine."""
    own = {
        name: value
        for name, value in os.environ.items()
        if (name.startswith("PIP_") and name not in _ELSEWHERE)
        or name.lower() in {"http_proxy", "https_proxy"}
    }
    config = Path.home() / ".config" / "pip" / "pip.conf"
    return {
        "PIP_RETRIES": "1",
        "PIP_DEFAULT_TIMEOUT": _PIP_SECONDS,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_CACHE_DIR": str(Path.home() / ".cache" / "pip"),
        "NO_PROXY": "localhost,127.0.0.1",  # the gateway
        "no_proxy": "localhost,127.0.0.1",
        **({"PIP_CONFIG_FILE": str(config)} if config.exists() else {}),
        **own,
    }
