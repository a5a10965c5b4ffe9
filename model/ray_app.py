"""Serve a model package with Ray Serve, in AWS's image `ray:serve-ml-sagemaker-cpu-v1`.

    serve run config.yaml          # in an unpacked package, where this file and config.yaml lie

The image puts /opt/ml/model on the path, installs code/requirements.txt, runs config.yaml and
forwards /invocations to this application's root, so nothing has to be built. Its /ping reports the
health of Ray, which is good before the model is loaded: only an invocation proves a deployment.
"""

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
# In a package the modules are in code/. `code.` cannot be imported: Python has a module `code`.
sys.path.insert(0, str(HERE / "code" if (HERE / "code").is_dir() else HERE))

from ray import serve  # type: ignore[import-not-found]  # noqa: E402  # in Ray's image
from starlette.requests import Request  # noqa: E402
from starlette.responses import JSONResponse, Response  # noqa: E402

from dogbreeds.serving.inference import (  # noqa: E402
    MAX_BATCH_PHOTOS,
    Model,
    Prepared,
    RequestError,
    input_fn,
    load_model,
    output_fn,
    predict_all,
    prepare_photos,
    warm_up,
)
from dogbreeds.serving.parameters import (  # noqa: E402
    ATTRIBUTES,
    BadParameter,
    Parameters,
)

MAX_BODY = 6 * 1024 * 1024  # bytes; what SageMaker's InvokeEndpoint lets through


@serve.deployment  # its numbers are in config.yaml
class Classifier:
    """One replica of the package that holds this file, or of the one in SM_MODEL_DIR."""

    def __init__(self) -> None:
        package = Path(os.environ.get("SM_MODEL_DIR", HERE))
        cores = os.environ.get("KENNEL_THREADS") or len(os.sched_getaffinity(0))
        self._model: Model = load_model(package, int(cores))
        warm_up(self._model, package)

    @serve.batch(max_batch_size=MAX_BATCH_PHOTOS, batch_wait_timeout_s=0.0)  # type: ignore[untyped-decorator]
    async def predict(self, requests: list[Prepared]) -> list[bytes]:
        """Classify a batch: the requests that arrived during the previous one."""
        answers = await asyncio.to_thread(predict_all, requests, self._model)
        return [output_fn(answer) for answer in answers]

    async def __call__(self, request: Request) -> Response:
        """Classify the photo in the body."""
        body = await request.body()
        if len(body) > MAX_BODY:
            return _problem(413, f"The body is larger than {MAX_BODY:,} bytes.")
        content_type = request.headers.get("content-type", "")
        try:
            asked = Parameters.parse(request.headers.get(ATTRIBUTES, ""), request.url.query)
            prepared = await asyncio.to_thread(self._prepare, body, content_type, asked)
        except BadParameter as error:
            return _problem(400, str(error))
        except RequestError as error:
            return _problem(error.status, str(error))
        return Response(await self.predict(prepared), media_type="application/json")

    def _prepare(self, body: bytes, content_type: str, asked: Parameters) -> Prepared:
        photo = replace(input_fn(body, content_type), asked=asked)
        return prepare_photos(photo, self._model)


def _problem(status: int, sentence: str) -> Response:
    return JSONResponse({"error": sentence}, status)


app = Classifier.bind()  # type: ignore[attr-defined]  # the decorator's
