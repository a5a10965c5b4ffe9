"""Rival: FastAPI around Kennel's four functions. PORT=8080 python engine_fastapi_app.py

One photo a call, in FastAPI's thread pool, as most people would write it.
"""

import uvicorn
from engine_parts import JPEG, PACKAGE, PORT, input_fn, model_fn, output_fn, predict_fn
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

app = FastAPI()
model = model_fn(PACKAGE)


@app.get("/ping")
def ping() -> dict[str, str]:
    return {}


@app.post("/invocations")
async def invocations(request: Request) -> Response:
    body = await request.body()
    answer = await run_in_threadpool(lambda: output_fn(predict_fn(input_fn(body, JPEG), model)))
    return Response(answer, media_type="application/json")


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning")
