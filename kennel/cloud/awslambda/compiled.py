"""Find compiled extension modules that this machine's Python cannot load."""

import platform
import re
import sys
from collections import defaultdict
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from kennel.cloud.runtime.errors import not_implemented

#: Such as `_imaging.cpython-313-x86_64-linux-gnu.so`; a file without a version loads in any.
_TAGGED = re.compile(r"(?P<module>[^.]+)\.cpython-(?P<version>3\d+)t?-?(?P<system>[^.]*)\.so")


def refuse_other_python(folder: Path, name: str) -> None:
    """Raise ServiceError for a package whose compiled modules are for another Python.

    Parameters
    ----------
    name
        Of the function or layer, for the message.
    """
    modules: dict[Path, list[re.Match[str]]] = defaultdict(list)
    for file in sorted(folder.rglob("*.so")):
        if tagged := _TAGGED.fullmatch(file.name):
            modules[file.parent / tagged["module"]].append(tagged)
    for module, builds in modules.items():
        if any(build[0].endswith(tuple(EXTENSION_SUFFIXES[:-1])) for build in builds):
            continue
        if any(Path(f"{module}{suffix}").exists() for suffix in EXTENSION_SUFFIXES):
            continue
        version, system = builds[0]["version"], builds[0]["system"]
        here = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise not_implemented(
            f"{name}: {(module.parent / builds[0][0]).relative_to(folder)} was built for Python "
            f"{version[0]}.{version[1:]}{f' ({system})' if system else ''}, and Python {here} "
            f"({platform.machine()}-{sys.platform}) runs functions here: build for that one, with "
            f"the Runtime python{here} (a parameter of the template can set it: `sam deploy "
            "--parameter-overrides`), or where a makefile calls pip, as Kennel's does, with "
            "`PIP_FLAGS= sam build`"
        )
