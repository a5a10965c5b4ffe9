"""Serve a model as AWS's pytorch-inference image does: `python -m ...pytorch_inference serve`.

The functions of the package's code/inference.py, or AWS's defaults, run in AWS's own toolkit,
`sagemaker-pytorch-inference`. That leaves HTTP to TorchServe, which needs Java; here a small server
has its place, with the same two paths, one request at a time.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kennel.cloud.sagemaker.frameworks.container import in_container
from kennel.cloud.sagemaker.frameworks.environment import make_environment, pip_error, pip_settings
from kennel.paths import PYTHON

_MODULE = "kennel.cloud.sagemaker.frameworks.pytorch_inference"
#: What stands for the image.
COMMAND = (PYTHON, "-P", "-m", _MODULE, "serve")


class RequestContext:
    """The context of one request, as TorchServe gives it to a handler.

    Attributes
    ----------
    status, headers
        The response's, set by the handler.
    """

    model_name = "model"
    manifest: Mapping[str, Any] = {}

    def __init__(self, model_dir: str, request_headers: Mapping[str, str]) -> None:
        self.system_properties = {"model_dir": model_dir, "gpu_id": None}
        self.request_processor = [self]
        self._request_headers = dict(request_headers)
        self.status = 200
        self.headers: dict[str, str] = {}

    def get_request_properties(self) -> Mapping[str, str]:
        """Return the request's headers; their names are in lower case."""
        return self._request_headers

    def get_request_header(self, index: int, key: str) -> str | None:
        """Return one header of the request."""
        return self._request_headers.get(key.lower())

    def get_all_request_header(self, index: int) -> Mapping[str, str]:
        """Return the request's headers."""
        return self._request_headers

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        """Set the response's status."""
        self.status = int(code)

    def set_response_content_type(self, index: int, value: str) -> None:
        """Set the response's content type."""
        self.headers["content-type"] = value

    def set_response_header(self, index: int, key: str, value: str) -> None:
        """Set a header of the response."""
        self.headers[key.lower()] = value


def prepare(base: Path) -> None:
    """Install the package's code/requirements.txt, then become the server in that environment."""
    python = make_environment(base.with_name(f"{base.name}-python")).python
    requirements = base / "model" / "code" / "requirements.txt"
    if requirements.exists():
        install = [str(python), "-m", "pip", "install", "-r", str(requirements)]
        done = subprocess.run(
            install,
            env=os.environ | pip_settings(),
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        sys.stderr.write(done.stderr)
        if done.returncode:
            sys.exit(f"pip could not install code/requirements.txt: {pip_error(done.stderr)}")
    server = in_container(base, [python, "-P", "-m", _MODULE, "run"])
    os.execvp(server[0], server)  # noqa: S606 - no shell: the words are ours


def run(base: Path) -> None:
    """Load the model, then serve it until SIGTERM."""
    import uvicorn  # noqa: PLC0415 - `prepare` needs none of these, and they take seconds
    from sagemaker_pytorch_serving_container.handler_service import (  # noqa: PLC0415
        HandlerService,
    )
    from starlette.applications import Starlette  # noqa: PLC0415
    from starlette.requests import Request  # noqa: PLC0415
    from starlette.responses import JSONResponse, Response  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    model_dir = str(base / "model")
    code = base / "model" / "code"
    sys.path.insert(0, str(code))
    if not (code / os.environ.get("SAGEMAKER_PROGRAM", "inference.py")).exists():
        # The toolkit would take any module of that name that this Python finds.
        os.environ["SAGEMAKER_PROGRAM"] = "no_code_in_the_package"
    service = HandlerService()
    service.initialize(RequestContext(model_dir, {}))
    one_at_a_time = asyncio.Lock()

    async def ping(request: Request) -> Response:
        return Response()

    async def invoke(request: Request) -> Response:
        context = RequestContext(model_dir, request.headers)
        body = await request.body()
        async with one_at_a_time:
            (answer,) = await asyncio.to_thread(service.handle, [{"body": body}], context)
        if isinstance(answer, str | bytes | bytearray):
            return Response(
                bytes(answer) if isinstance(answer, bytearray) else answer,
                context.status,
                context.headers,
            )
        return JSONResponse(answer, context.status, context.headers)

    routes = [Route("/ping", ping), Route("/invocations", invoke, methods=["POST"])]
    uvicorn.run(
        Starlette(routes=routes),
        host="127.0.0.1",
        port=int(os.environ["SAGEMAKER_BIND_TO_PORT"]),
        log_level="warning",
    )


if __name__ == "__main__":
    folder = Path(os.environ["SAGEMAKER_BASE_DIR"])
    run(folder) if sys.argv[1:] == ["run"] else prepare(folder)
