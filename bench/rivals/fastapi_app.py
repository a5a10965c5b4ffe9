"""Rival: plain FastAPI, one photo a call, in its thread pool. PORT=8080 python fastapi_app.py"""

import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from shared_parts import PORT, EagerClassifier

app = FastAPI()
classifier = EagerClassifier()


@app.get("/ping")
def ping() -> dict[str, str]:
    return {}


@app.post("/invocations")
async def classify(request: Request) -> dict[str, object]:
    body = await request.body()
    return await run_in_threadpool(lambda: classifier.classify([classifier.decode(body)])[0])


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning")
