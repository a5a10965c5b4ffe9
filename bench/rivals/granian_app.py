"""Kennel's own application under granian instead of uvicorn, for server_choices.py."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "model"))

from dogbreeds.serving.replicas import Replicas
from server import Endpoint, ServerSettings, create_app

settings = ServerSettings.from_environment(os.environ)


def ended(error: Exception) -> None:
    raise SystemExit(str(error))


replicas = Replicas(settings.worker_arguments(), settings.replicas, ended)
app = create_app(Endpoint(replicas, settings.queue), replicas)
