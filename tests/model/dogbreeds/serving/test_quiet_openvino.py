import os
import subprocess
import sys
from pathlib import Path

from dogbreeds.serving import quiet_openvino

FOLDER = Path(quiet_openvino.__file__).parents[2]
UNASKED = ("CI", "TF_BUILD", "JENKINS_URL")  # with these set, OpenVINO is quiet by itself


def test_the_engine_loads_no_telemetry_and_leaves_nothing_at_home(tmp_path: Path) -> None:
    code = (
        "import sys; import dogbreeds.serving.engine;"
        "print([n for n, m in sys.modules.items() if n.startswith('openvino_tele') and m])"
    )
    environment = {name: value for name, value in os.environ.items() if name not in UNASKED}
    environment |= {"HOME": str(tmp_path), "PYTHONPATH": str(FOLDER)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "[]\n"
    assert list(tmp_path.iterdir()) == []
