"""OpenVINO without its telemetry: here `import openvino` stays on this machine.

By itself the import reports to Google Analytics and writes to ~/intel, in every serving process
too. Where the package openvino_telemetry cannot be imported it does neither, and None in
sys.modules is Python's way to say so.
"""

import sys

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

import openvino as ov  # noqa: E402  # after the line above, or it would come too late

__all__ = ["ov"]
