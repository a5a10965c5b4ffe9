"""Store moto's in-memory state on disk: a WSGI layer around moto's application, in its process.

Before a call is answered, the changes that it made are stored, so none that a client saw confirmed
is lost when a process is killed. A call whose change cannot be stored is undone and refused.
"""

import contextlib
import pickle
import threading
import traceback
from pathlib import Path
from typing import Any

from werkzeug.wrappers import Request, Response

from kennel.cloud.iam.requests import Signature
from kennel.cloud.moto_backend.execution_state import ExecutionState
from kennel.cloud.moto_backend.s3_state import S3State
from kennel.cloud.moto_backend.service_state import AT_ONCE, LATER, ServiceState
from kennel.cloud.runtime.errors import error_response
from kennel.cloud.runtime.rows import Rows
from kennel.cloud.runtime.service_models import models_of
from kennel.cloud.runtime.state_errors import NotStored, damaged

_LATER_SECONDS = 10.0

Json = dict[str, Any]


class PersistentApp:
    """A WSGI application around moto's.

    Parameters
    ----------
    file
        Where everything is stored; another process has verified it.

    Raises
    ------
    CannotStart
        When the file refers to what moto does not hold.
    """

    def __init__(self, app: Any, file: Path) -> None:
        self._app = app
        self._rows = Rows(file, verified=True)
        self._lock = threading.Lock()
        self._s3 = S3State(self._rows)
        self._executions = ExecutionState(self._rows)
        self._services = ServiceState(self._rows)
        self._ending = threading.Event()
        #: Why the last attempt to store what is stored later failed; "" when it did not.
        self.problem = ""
        try:
            for part in (self._s3, self._services, self._executions):
                part.load()
        except pickle.UnpicklingError as error:
            raise damaged(file, str(error)) from error
        self._saver = threading.Thread(target=self._save_later, daemon=True)
        self._saver.start()

    def __call__(self, environ: Json, start_response: Any) -> Any:
        """Answer one HTTP request, and store what it has changed."""
        request = Request(environ)
        headers = {name.lower(): value for name, value in request.headers.items()}
        signature = Signature.read(headers)
        service = next(iter(models_of(signature.service)), "") if signature else ""
        match service:
            case "s3" if request.method not in {"GET", "HEAD"}:
                answer = self._call_s3
            case "stepfunctions":
                answer = self._call_stepfunctions
            case _ if service in AT_ONCE:
                answer = self._call_service
            case _:
                return self._app(environ, start_response)
        try:
            response = answer(request)
        except NotStored as error:
            refusal = error_response(service, error, headers, request.path)
            response = Response(bytes(refusal.body), refusal.status_code, refusal.headers.items())
        return response(environ, start_response)

    def close(self) -> None:
        """Store the changes whose storing was deferred, and close the file."""
        self._ending.set()
        self._saver.join()
        self._rows.close()

    def _call_s3(self, request: Request) -> Response:
        try:
            self._s3.refuse_if_full(request)
        except NotStored:
            request.get_data(cache=False)  # the client sends it all before it reads the answer
            raise
        response = Response.from_app(self._app, request.environ)
        with self._lock:
            try:
                self._s3.save(request)
            except NotStored:
                self._s3.undo(request)
                raise
            with contextlib.suppress(NotStored):  # a notification may have gone to a queue
                self._services.save()
        return response

    def _call_stepfunctions(self, request: Request) -> Response:
        if request.headers.get("x-amz-target", "").endswith(".StartExecution"):
            self._rows.refuse_if_full()
        response = Response.from_app(self._app, request.environ)
        with self._lock, contextlib.suppress(NotStored):  # stored by the next call that finds room
            self._executions.save()
        return response

    def _call_service(self, request: Request) -> Response:
        response = Response.from_app(self._app, request.environ)
        with self._lock:
            try:
                self._services.save()
            except NotStored:
                self._services.undo()
                raise
        return response

    def _save_later(self) -> None:
        while True:
            ended = self._ending.wait(_LATER_SECONDS)
            try:
                with self._lock:
                    self._executions.save()
                self._services.save(LATER)
                self.problem = ""
            except Exception as error:  # the next round tries again
                if not isinstance(error, NotStored):  # which says all
                    traceback.print_exc()
                self.problem = f"executions, logs and metrics are not stored: {error!r}"
            if ended:
                return
