"""ClassifyFunction: ``POST /classify``, a photo in, five breeds out.

    sam local invoke ClassifyFunction -e events/classify.photo.json      # see events/README.md

The handler parses (`request`), calls (`photo`, `wire`, `endpoint`) and maps; `common.problem` maps
what goes wrong.
"""

import json
import os
from dataclasses import asdict

from aws_lambda_powertools.logging import Logger
from classify import wire
from classify.endpoint import Endpoint, connect
from classify.observation import Observation
from classify.photo import decode
from classify.request import read_upload
from classify.settings import Settings
from common.environment import Environment
from common.problem import Event, Response, answering

__all__ = ["classify", "handler"]

# At import: Lambda gives a starting environment a full core, and the first photo finds all ready.
settings = Settings.from_environment(Environment(os.environ))
logger = Logger(location=None)  # named by POWERTOOLS_SERVICE_NAME
endpoint = Endpoint(connect(settings.region, settings.endpoint_url), settings.endpoint_name)


@answering(logger)
def handler(event: Event, _context: object) -> Response:
    """Answer one request of the REST API."""
    logger.set_correlation_id((event.get("requestContext") or {}).get("requestId"))
    with Observation(logger, settings.endpoint_name) as observation:
        return classify(event, endpoint, observation)


def classify(event: Event, endpoint: Endpoint, observation: Observation) -> Response:
    """Answer one request, with the endpoint given.

    Parameters
    ----------
    event
        A REST API's proxy event.
    endpoint
        Who knows the breeds.
    observation
        Measures the time, and is told what was seen.

    Returns
    -------
    dict
        API Gateway's proxy response.

    Raises
    ------
    common.problem.Problem
        There is no answer to give.
    """
    upload = read_upload(event)
    observation.note(bytes=len(upload.body))
    photo = decode(upload.body, upload.declared)
    observation.note(kind=photo.kind, width=photo.width, height=photo.height)
    observation.note(decoded_ms=observation.took_ms())
    verdict = endpoint.classify(
        wire.encode(photo.width, photo.height, photo.pixels), wire.CONTENT_TYPE
    )
    observation.note(model=verdict.model, is_dog=verdict.is_dog)
    answer = {
        "is_dog": verdict.is_dog,
        "breeds": [asdict(breed) for breed in verdict.breeds],
        "model": verdict.model,
        "took_ms": observation.took_ms(),
    }
    return {
        "statusCode": 200,
        "headers": {
            "Content-Type": "application/json",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
        "body": json.dumps(answer, ensure_ascii=False),
    }
