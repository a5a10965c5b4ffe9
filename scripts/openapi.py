"""Write functions/page/openapi.json, the API's description, from the code that validates requests.

    .venv/bin/python scripts/openapi.py

GET /openapi.json answers the file; tests/functions/page/test_openapi.py compares it with this.
"""

import json
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any

FUNCTIONS = Path(__file__).resolve().parent.parent / "functions"
sys.path.insert(0, str(FUNCTIONS))

from classify.decoding import limits  # noqa: E402
from classify.endpoint import MORE  # noqa: E402
from classify.options import PARAMETERS  # noqa: E402
from classify.request import (  # noqa: E402
    BINARY_TYPES,
    JSON_SCHEMA,
    JSON_TYPE,
    MAX_BYTES,
)
from common import problem  # noqa: E402
from page.routes import METHODS  # noqa: E402

OUT = FUNCTIONS / "page" / "openapi.json"
FORM = "multipart/form-data"
#: What API Gateway answers by itself (a wrong key, the usage plan), and a crash.
BEYOND_THE_FUNCTION = (403, 429, 500)
OF_THE_PATH = (404, 405)
WITH_RETRY_AFTER = (429, 503)

DESCRIPTION = (
    "Send a photo and get its most likely breeds, and whether the photo shows a dog. Errors are "
    "problem documents (RFC 9457) whose detail has what was received, what was expected and what "
    "to do. After a 429 or 503 retry after the seconds in Retry-After; after a 500 or 502 the same "
    "request would most likely fail again. Every answer has the request's id in x-amzn-RequestId."
)
CLASSIFY = (
    f"JPEG, PNG or WebP of at most {MAX_BYTES:,} bytes, whatever image type is declared, as the "
    "body, as the only file of a form, or in JSON; the body may be packed with gzip, except JSON. "
    f"An ordinary JPEG may have {limits.MAX_PIXELS_REDUCED // 10**6} megapixels, a progressive one "
    f"{limits.MAX_PIXELS_SCANS // 10**6}, PNG and WebP {limits.MAX_PIXELS_WHOLE // 10**6}. The "
    "photo is rotated by its EXIF orientation, transparency becomes white, and of an animation or "
    "several pictures the first is used. 320 pixels on the shorter side are enough; larger photos "
    "are scaled down."
)


def description() -> dict[str, Any]:
    """Return the description of the API, as OpenAPI 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Kennel",
            "version": "1.1.0",
            "summary": "Which breed is the dog in this photo?",
            "description": DESCRIPTION,
        },
        "servers": [{"url": ".", "description": "Where this document was read"}],
        "paths": {
            path: {method.lower(): _operation(path, method) for method in methods}
            for path, methods in METHODS.items()
        },
        "components": {
            "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "x-api-key"}},
            "schemas": {
                "EncodedPhoto": JSON_SCHEMA,
                "Form": _form(),
                "Answer": _answer(),
                "Guess": _guess(),
                "Breeds": _object({"breeds": {"type": "array", "items": {"type": "string"}}}),
                "Problem": _problem(),
            },
            "headers": {
                "RequestId": {"description": "Id of the request", "schema": {"type": "string"}}
            },
            "responses": {
                "Problem": _refusal("No answer, and why", {}),
                "ComeBack": _refusal(
                    "Temporarily unavailable; retry after Retry-After",
                    {"Retry-After": ("Seconds to wait", {"type": "integer", "minimum": 1})},
                ),
            },
        },
    }


def _operation(path: str, method: str) -> dict[str, Any]:
    if method == "OPTIONS":
        name = path.strip("/").partition(".")[0] or "page"
        return {
            "operationId": f"{name}-options",
            "summary": "The methods of this path; the preflight of a page of another origin",
            "security": [],
            "responses": {"204": {"description": "In Allow, and for an allowed origin in CORS's"}},
        }
    if path == "/classify":
        return _classify()
    name, summary, answer = _READS[path]
    responses = {
        "200": {"description": summary, **({"content": answer} if method == "GET" else {})},
        "304": {"description": "As in the cache of the caller"},
        "429": {"$ref": "#/components/responses/ComeBack"},
        "500": {"$ref": "#/components/responses/Problem"},
    }
    if path == "/breeds":
        responses["503"] = {"$ref": "#/components/responses/ComeBack"}
    return {
        "operationId": name if method == "GET" else f"{name}-{method.lower()}",
        "summary": summary if method == "GET" else f"The headers of: {summary}",
        "security": [],
        "responses": responses,
    }


_READS = {
    "/": ("page", "The web page", {"text/html": {"schema": {"type": "string"}}}),
    "/breeds": (
        "breeds",
        "The live model's breeds, in alphabetical order",
        {JSON_TYPE: {"schema": {"$ref": "#/components/schemas/Breeds"}}},
    ),
    "/openapi.json": (
        "description",
        "This document, OpenAPI 3.1",
        {JSON_TYPE: {"schema": {"type": "object"}}},
    ),
}


def _classify() -> dict[str, Any]:
    statuses = {int(kind.status) for kind in problem.Problem.__subclasses__()}
    refusals = sorted((statuses - set(OF_THE_PATH)) | set(BEYOND_THE_FUNCTION))
    answer = {JSON_TYPE: {"schema": {"$ref": "#/components/schemas/Answer"}}}
    schemas: dict[str, Any] = {
        FORM: {"$ref": "#/components/schemas/Form"},
        JSON_TYPE: {"$ref": "#/components/schemas/EncodedPhoto"},
    }
    return {
        "operationId": "classify",
        "summary": "Name the breed in a photo",
        "description": CLASSIFY,
        "security": [{"key": []}],
        "parameters": [
            {
                "name": name,
                "in": "query",
                "description": parameter["description"],
                "schema": parameter["schema"],
            }
            for name, parameter in PARAMETERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {
                each: {"schema": schemas.get(each, {})} for each in (*BINARY_TYPES, JSON_TYPE)
            },
        },
        "responses": {
            "200": {
                "description": "What the model sees",
                "headers": {"x-amzn-RequestId": {"$ref": "#/components/headers/RequestId"}},
                "content": answer,
            },
            **{
                str(status): {
                    "$ref": "#/components/responses/"
                    + ("ComeBack" if status in WITH_RETRY_AFTER else "Problem")
                }
                for status in refusals
            },
        },
    }


def _object(properties: dict[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
        "properties": properties,
    }


def _form() -> dict[str, Any]:
    return {
        "type": "object",
        "minProperties": 1,
        "description": "The photo as the only file, in a field of any name; other fields are "
        "ignored",
        "properties": {"photo": {"contentMediaType": "application/octet-stream"}},
    }


def _answer() -> dict[str, Any]:
    properties = {
        "is_dog": {
            "type": "boolean",
            "description": "Whether the photo shows a dog; without one, the breeds say only what "
            "comes nearest",
        },
        "breeds": {
            "type": "array",
            "minItems": 1,
            "description": "Most probable first; as many as top asks for, 5 without it",
            "items": {"$ref": "#/components/schemas/Guess"},
        },
        **{name: schema for name, (_, schema) in MORE.items()},
        "model": {
            "type": "string",
            "description": "Name and version of the model that answered",
            "examples": ["tf_efficientnet_lite2-pretrained@1"],
        },
        "took_ms": {
            "type": "number",
            "minimum": 0,
            "description": "Milliseconds spent in the function, the endpoint's included",
        },
    }
    return _object(properties, tuple(MORE))


def _guess() -> dict[str, Any]:
    return _object(
        {
            "breed": {"type": "string", "examples": ["Bull mastiff"]},
            "probability": {"type": "number", "minimum": 0, "maximum": 1},
        }
    )


def _problem() -> dict[str, Any]:
    written = json.loads(problem.document(HTTPStatus.BAD_REQUEST, "", request_id="x")["body"])
    members: dict[str, Any] = {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "One sentence for the caller"},
        "request_id": {"type": "string", "description": "As in x-amzn-RequestId"},
    }
    return {
        "type": "object",
        "required": ["type", "title", "detail"],
        "properties": {name: members[name] for name in written},
    }


def _refusal(text: str, headers: dict[str, tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": text,
        "headers": {
            **{name: {"description": means, "schema": of} for name, (means, of) in headers.items()},
            "x-amzn-RequestId": {"$ref": "#/components/headers/RequestId"},
        },
        "content": {"application/problem+json": {"schema": schema}},
    }


def main() -> None:
    """Write the file."""
    OUT.write_text(json.dumps(description(), indent=2, ensure_ascii=False) + "\n")
    print(OUT)


if __name__ == "__main__":
    main()
