"""Create and read models and endpoint configurations in the store."""

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.errors import existing, missing
from kennel.cloud.sagemaker.resources import RESOURCE_NAMES, arn_of


def create_record(store: Store, clock: Clock, kind: str, request: Json) -> Json:
    """Store a Create request as its Describe action answers it; return the Create's answer.

    Parameters
    ----------
    kind
        `model` or `endpoint-config`.

    Raises
    ------
    ServiceError
        When the name is taken.
    """
    resource = RESOURCE_NAMES[kind]
    name = request[f"{resource}Name"]
    arn = arn_of(kind, name)
    if store.get(kind, name):
        raise existing(_label(kind), arn)
    record = {key: value for key, value in request.items() if key != "Tags"}
    record |= {f"{resource}Arn": arn, "CreationTime": clock.now()}
    store.put(kind, name, record)
    return {f"{resource}Arn": arn}


def read_record(store: Store, kind: str, name: str) -> Json:
    """Return a stored record; ServiceError when there is none of that name."""
    record = store.get(kind, name)
    if record is None:
        raise missing(_label(kind), arn_of(kind, name))
    return record


def delete_record(store: Store, kind: str, name: str) -> None:
    """Delete a stored record; ServiceError when there is none of that name."""
    read_record(store, kind, name)
    store.delete(kind, name)


def _label(kind: str) -> str:
    return kind.replace("-config", " configuration")
