"""botocore's models of AWS's services, and which of them a signature may mean.

A signature names a service by its signing name, which several services may share: `rds` signs for
Neptune and DocumentDB too.
"""

import functools
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import botocore.session
from botocore.loaders import Loader

_HEAD_CHARACTERS = 8192  # a model begins with its metadata; reading whole models takes 12 s


@functools.cache
def shared_session() -> botocore.session.Session:
    """Return the session of this process, which reads each service's model once."""
    return botocore.session.get_session()


@functools.cache
def service_model(service: str) -> Any:
    """Return botocore's model of a service that it has, read once."""
    return shared_session().get_service_model(service)


@functools.cache
def models_of(service: str) -> tuple[str, ...]:
    """Return botocore's names of what boto3 or a signature calls `service`, likeliest first.

    Returns
    -------
    tuple of str
        Empty for a service that botocore does not have.
    """
    signers = _signing_names()
    named = (service,) if service in signers else ()
    return named + tuple(
        name for name, signing in signers.items() if signing == service and name != service
    )


@functools.cache
def _signing_names() -> Mapping[str, str]:
    """Return the signing name of each model, in a third of a second."""
    loader = Loader(
        include_default_search_paths=False, extra_search_paths=[Loader.BUILTIN_DATA_PATH]
    )
    names = {}
    for service in loader.list_available_services("service-2"):
        version = loader.determine_latest_version(service, "service-2")
        file = Path(Loader.BUILTIN_DATA_PATH, service, version, "service-2.json.gz")
        with gzip.open(file, "rt", encoding="utf-8") as text:
            head = text.read(_HEAD_CHARACTERS)
        start = head.index("{", head.index('"metadata"'))
        metadata, _ = json.JSONDecoder().raw_decode(head, start)
        names[service] = str(metadata.get("signingName") or metadata["endpointPrefix"])
    return names
