"""Rival: the course's handler, ResNet-50 in eager PyTorch. PORT=8080 python course_app.py

Full decode, torchvision's transforms, one image a call, 133 outputs. The course runs it in a server
of one process; here it is uvicorn with a thread pool, which is no slower. The weights are random,
since the time does not depend on them.
"""

import io

import torch
import torchvision
import uvicorn
from PIL import Image
from shared_parts import PORT, THREADS
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from torch import nn
from torchvision import transforms

torch.set_num_threads(THREADS)
network = torchvision.models.resnet50(weights=None)
network.fc = nn.Sequential(nn.Linear(2048, 128), nn.ReLU(), nn.Linear(128, 133))
network.eval()
steps = transforms.Compose(
    [
        transforms.Resize(256),
        transforms.CenterCrop(224),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]
)


def predict(body: bytes) -> list[float]:
    image = Image.open(io.BytesIO(body)).convert("RGB")
    with torch.no_grad():
        logits: list[float] = network(steps(image)[None])[0].tolist()
    return logits


async def invocations(request: Request) -> JSONResponse:
    return JSONResponse(await run_in_threadpool(predict, await request.body()))


async def ping(_: Request) -> JSONResponse:
    return JSONResponse({})


app = Starlette(
    routes=[
        Route("/ping", ping),
        Route("/invocations", invocations, methods=["POST"]),
        Route("/endpoints/course/invocations", invocations, methods=["POST"]),  # InvokeEndpoint
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning")
