"""moto's server as the offline cloud runs it, with executions of Step Functions corrected.

`python -m kennel.cloud.moto_backend.app 5000` listens on loopback. step_functions/ answers the
calls about executions, moto every other call.
"""

import sys
import threading

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.stepfunctions.urls import url_paths
from werkzeug.serving import run_simple

from kennel.cloud.moto_backend.step_functions.api import StepFunctions
from kennel.cloud.moto_backend.step_functions.execution import end_with_thread

if __name__ == "__main__":
    url_paths["{0}/$"] = StepFunctions.dispatch
    threading.excepthook = end_with_thread
    run_simple(
        "127.0.0.1",
        int(sys.argv[1]),
        DomainDispatcherApplication(create_backend_app),
        threaded=True,
        request_handler=MotoRequestHandler,
    )
