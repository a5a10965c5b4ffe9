"""Rival: LitServe around Kennel's functions. PORT=8080 python engine_litserve_app.py

Photos come as base64 in JSON, the form its documentation uses for images, and it makes the batches.
"""

import base64
from typing import Any

import litserve
from engine_parts import (
    BATCH,
    BATCH_WAIT_MS,
    JPEG,
    PACKAGE,
    PORT,
    Prepared,
    input_fn,
    model_fn,
    predict_all,
    prepare_photos,
)


class Api(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.model = model_fn(PACKAGE)

    def decode_request(self, request: dict[str, str]) -> Prepared:
        return prepare_photos(input_fn(base64.b64decode(request["image"]), JPEG), self.model)

    def batch(self, inputs: list[Prepared]) -> list[Prepared]:
        return inputs

    def predict(self, x: list[Prepared]) -> list[dict[str, Any]]:
        return predict_all(x, self.model)

    def unbatch(self, output: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return output

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        return output


if __name__ == "__main__":
    api = Api(max_batch_size=BATCH, batch_timeout=BATCH_WAIT_MS / 1000, api_path="/invocations")
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=PORT, generate_client_file=False, log_level="warning")
