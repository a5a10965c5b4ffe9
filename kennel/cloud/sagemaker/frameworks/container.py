"""Let a process see its folder at /opt/ml, where it is in a container of SageMaker.

A mount namespace shows the folder there to this process and its children only. Where the system
allows none (a container without that right, AppArmor's restriction of user namespaces), the process
runs without: it finds its folder by SageMaker's variables, which every toolkit and SDK sets.
"""

import functools
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

#: Mounts folder $2 on /opt/ml and runs the rest. Where there is no /opt/ml, a folder $1 with all
#: that is in /opt takes the place of /opt.
_MOUNT = """
opt=$1; base=$2; shift 2
if ! [ -d /opt/ml ]; then
    for each in /opt/*; do
        [ -d "$each" ] || continue
        mkdir "$opt/${each##*/}" && mount --rbind "$each" "$opt/${each##*/}" || exit 1
    done
    mkdir "$opt/ml" && mount --rbind "$opt" /opt || exit 1
fi
mount --bind "$base" /opt/ml && exec "$@"
"""


def in_container(base: Path, command: Sequence[str | Path]) -> list[str]:
    """Return a command that runs `command` with the folder `base` at /opt/ml, where that can be.

    A folder beside `base` is made for it.
    """
    words = [str(each) for each in command]
    if not can_mount():
        return words
    opt = base.with_name(f"{base.name}-opt")
    opt.mkdir(exist_ok=True)
    guard = []
    if shutil.which("setpriv"):  # a user namespace has cleared the parent-death signal
        guard = ["setpriv", "--pdeathsig", "TERM", "--"]
    return [*_UNSHARE, "sh", "-c", _MOUNT, "sh", str(opt), str(base), *guard, *words]


def with_local_paths(base: Path, command: Sequence[str]) -> list[str]:
    """Replace /opt/ml by `base` in a command and the SDK's driver scripts, where none is mounted.

    Version 3 of the SDK sends the command of a job and a channel of scripts for it, both with
    paths of /opt/ml. Where the folder can be mounted there, nothing is changed.
    """
    if can_mount():
        return list(command)
    for file in (base / "input/data/sm_drivers").rglob("*"):
        if file.suffix in {".sh", ".py", ".json"}:
            file.write_text(file.read_text().replace("/opt/ml", str(base)))
    return [each.replace("/opt/ml", str(base)) for each in command]


_UNSHARE = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]


@functools.cache
def can_mount() -> bool:
    """Return whether this user may mount a folder in a namespace of its own."""
    if not shutil.which("unshare") or not Path("/opt").is_dir():
        return False
    trial = [*_UNSHARE, "mount", "--bind", "/", "/opt"]
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0
