"""SageMaker's four functions of Kennel's package, for rival servers that run Kennel's own engine.

They decode, batch and answer with Kennel's code, so only the server differs.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "model"))

from inference import input_fn, model_fn, output_fn, predict_fn  # isort: skip
from dogbreeds.serving.inference import (  # isort: skip
    MAX_BATCH_PHOTOS,
    Prepared,
    predict_all,
    prepare_photos,
)

__all__ = [
    "BATCH",
    "BATCH_WAIT_MS",
    "CORES",
    "JPEG",
    "PACKAGE",
    "PORT",
    "Prepared",
    "input_fn",
    "model_fn",
    "output_fn",
    "predict_all",
    "predict_fn",
    "prepare_photos",
]

PORT = int(os.environ.get("PORT", "8080"))
PACKAGE = os.environ.get("SM_MODEL_DIR", "")
CORES = len(os.sched_getaffinity(0))
JPEG = "image/jpeg"
BATCH = MAX_BATCH_PHOTOS
BATCH_WAIT_MS = 5
