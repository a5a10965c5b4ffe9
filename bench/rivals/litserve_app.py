"""Rival: LitServe with its own batching. PORT=8080 python litserve_app.py

Photos come as base64 in JSON, the form its documentation uses for images.
"""

import base64
from typing import Any

import litserve
from shared_parts import BATCH, BATCH_WAIT, PORT, EagerClassifier, Photos


class Api(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.classifier = EagerClassifier()

    def decode_request(self, request: dict[str, str]) -> Photos:
        return self.classifier.decode(base64.b64decode(request["image"]))

    def batch(self, inputs: list[Photos]) -> list[Photos]:
        return inputs

    def predict(self, x: list[Photos]) -> list[dict[str, Any]]:
        return self.classifier.classify(x)

    def unbatch(self, output: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return output

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        return output


if __name__ == "__main__":
    api = Api(max_batch_size=BATCH, batch_timeout=BATCH_WAIT, api_path="/invocations")
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=PORT, generate_client_file=False, log_level="warning")
