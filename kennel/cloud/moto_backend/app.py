"""moto's server as the offline cloud runs it: with stored state and corrected executions.

`python -m kennel.cloud.moto_backend.app 5000 [moto.sqlite]` listens on loopback. step_functions/
answers the calls about executions, moto every other call that is signed with the access key in
KENNEL_MOTO_KEY, since a web page can send requests to this port, too; persistence.py keeps in the
file what survives a restart.
"""

import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from botocore.model import OperationNotFoundError
from moto.core.config import default_user_config
from moto.iam import models as iam_models
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.stepfunctions.urls import url_paths
from werkzeug.serving import run_simple
from werkzeug.wrappers import Response

from kennel.cloud.moto_backend.bounds import start_forgetting
from kennel.cloud.moto_backend.contract import FAILURE_HEADER, HEALTH_PATH, KEY_VARIABLE
from kennel.cloud.moto_backend.persistence import PersistentApp
from kennel.cloud.moto_backend.step_functions.api import StepFunctions
from kennel.cloud.moto_backend.step_functions.execution import end_with_thread
from kennel.errors import CannotStart

#: Paths at which moto is no AWS service: its own dashboard and settings, and EC2's metadata.
_NOT_AWS = ("/moto-api", "/latest/meta-data/", "/latest/api/", "/favicon.ico")
_FAILURE_CHARACTERS = 500
Json = dict[str, Any]


class _NoBackend(Exception):  # noqa: N818
    """moto does not have the service that a signature names."""


class _Dispatcher(DomainDispatcherApplication):
    """moto's own, which crashes over a service that it does not have."""

    def get_backend_for_host(self, host: str | None) -> Any:
        backend = super().get_backend_for_host(host)
        if host and not backend:
            raise _NoBackend
        return backend


def moto_services() -> DomainDispatcherApplication:
    """Return the WSGI application that answers as all services of moto."""
    return _Dispatcher(create_backend_app)


class MotoApp:
    """A WSGI application in front of moto's.

    Parameters
    ----------
    services
        Answers the calls.
    key
        The access key that each call must be signed with; None for any.
    problem
        Returns why state cannot be stored; "" when it can.
    """

    def __init__(
        self, services: Any, key: str | None = None, problem: Callable[[], str] = lambda: ""
    ) -> None:
        self._services = services
        self._key = key
        self._problem = problem

    def __call__(self, environ: Json, start_response: Any) -> Any:
        """Answer one HTTP request."""
        signature = environ.get("HTTP_AUTHORIZATION", "")
        if self._key is not None and f"Credential={self._key}/" not in signature:
            return Response(status=HTTPStatus.FORBIDDEN)(environ, start_response)
        path = environ.get("PATH_INFO", "")
        if path == HEALTH_PATH:
            problem = self._problem()
            return Response(problem, 503 if problem else 200)(environ, start_response)
        if path.startswith(_NOT_AWS):
            return Response(status=HTTPStatus.NOT_IMPLEMENTED)(environ, start_response)
        try:
            return self._services(environ, start_response)
        except (_NoBackend, NotImplementedError, OperationNotFoundError):
            return Response(status=HTTPStatus.NOT_IMPLEMENTED)(environ, start_response)
        except Exception as error:
            traceback.print_exc()
            failure = " ".join(ascii(error).split())[:_FAILURE_CHARACTERS]
            return Response(status=500, headers={FAILURE_HEADER: failure})(environ, start_response)


if __name__ == "__main__":
    default_user_config["stepfunctions"]["execute_state_machine"] = True
    # Else a call's key is looked for in eight partitions, each with all 1,582 of AWS's policies.
    iam_models.PARTITION_NAMES = ["aws"]  # type: ignore[attr-defined]
    port, *state = sys.argv[1:]
    url_paths["{0}/$"] = StepFunctions.dispatch
    threading.excepthook = end_with_thread
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit())  # so that the block ends
    key = os.environ.pop(KEY_VARIABLE, None)
    app = MotoApp(moto_services(), key)
    with contextlib.ExitStack() as exits:
        if state:
            try:
                persistent = PersistentApp(moto_services(), Path(state[0]))
            except CannotStart as error:
                sys.exit(str(error))
            exits.callback(persistent.close)
            app = MotoApp(persistent, key, lambda: persistent.problem)
        start_forgetting()
        run_simple("127.0.0.1", int(port), app, threaded=True, request_handler=MotoRequestHandler)
