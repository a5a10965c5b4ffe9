"""Import OpenVINO without its telemetry, and hold the process's one OpenVINO core.

By itself `import openvino` reports to Google Analytics and writes to ~/intel, in every serving
process too; it does neither where the package openvino_telemetry cannot be imported, and None in
sys.modules makes Python refuse the import.
"""

import sys

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

import openvino as ov  # noqa: E402  # after the line above

__all__ = ["CORE", "ov"]

# One for the process, and never destroyed. A core's CPU plugin gives the thread that loads it a
# signal stack of its own (sigaltstack), and puts the former one back when the core is destroyed. Of
# two cores of which the first is destroyed first, the second puts back the stack of the first,
# which is no longer mapped; then the next signal that has a handler in Python, as the end of a data
# loader's worker or SIGTERM, is a segmentation fault (OpenVINO 2026.4; SigAltStackSetup in its
# src/plugins/intel_cpu/src/plugin.cpp).
CORE = ov.Core()
CORE.get_property("CPU", "FULL_DEVICE_NAME")  # loads the plugin before NNCF's cores load theirs
