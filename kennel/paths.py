"""The paths of the files and folders in a checkout of Kennel."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "template.yaml"
FUNCTIONS = ROOT / "functions"
MODEL = ROOT / "model"

#: All that Kennel writes on this machine, apart from the venvs; it can be deleted at any time.
STATE = Path(os.environ.get("KENNEL_STATE", ROOT / ".kennel"))

PYTHON = Path(sys.executable)
