"""Store moto's data of the services whose data a template does not declare.

Most are stored before a call is answered. Logs, metrics and tables, which many calls change a
little, are stored some seconds later and at the end.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from moto.backends import get_backend
from moto.core.base_backend import BackendDict
from moto.sns.models import Subscription

from kennel.cloud.moto_backend.pickling import dump, load
from kennel.cloud.runtime.rows import Rows

_KIND = "service"
_backend_of: Any = get_backend  # its types know services by literal names only

Services = Mapping[str, Sequence[str]]
#: Service, as boto3 names it -> the attributes of moto's backend that hold its data.
AT_ONCE: Services = {
    "ecr": ("repositories", "tagger"),
    "secretsmanager": ("secrets",),
    "sns": ("topics", "subscriptions"),
    "sqs": ("queues",),
    "ssm": ("_parameters", "_resource_tags"),
}
LATER: Services = {
    "cloudwatch": ("alarms", "dashboards", "metric_data", "tagger"),
    "dynamodb": ("tables",),
    "logs": ("groups", "filters", "tagger"),
}


class ServiceState:
    """The data of some services in rows: one for each service, account and region."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._stored: dict[str, tuple[int, int]] = {}  # hash and size of each row

    def load(self) -> None:
        """Put everything that is stored into moto."""
        for name, row in self._rows.all(_KIND):
            service, account, region = name.split("/")
            backend = _backend_of(service)[account][region]
            self._restore(name, backend, load(row))

    def save(self, services: Services = AT_ONCE) -> None:
        """Store what has changed; raises NotStored."""
        for name, backend in _backends(services):
            row = _row(backend, services)
            before = self._stored.get(name, (0, 0))
            if _summary(row) == before:
                continue
            if services is AT_ONCE and len(row) > before[1]:
                self._rows.refuse_if_full(len(row))
            self._rows.put(_KIND, name, row)
            self._stored[name] = _summary(row)

    def undo(self) -> None:
        """Restore the stored state, since a change could not be stored."""
        for name, backend in _backends(AT_ONCE):
            row = self._rows.get(_KIND, name)
            empty = type(backend)(backend.region_name, backend.account_id)
            self._restore(name, backend, load(row) if row else _data(empty, AT_ONCE))

    def _restore(self, name: str, backend: Any, data: Mapping[str, Any]) -> None:
        for attribute, value in data.items():
            current = getattr(backend, attribute)
            if isinstance(current, dict):  # of a class of its own, perhaps: it stays
                current.clear()
                current.update({key: e for key, e in value.items() if not _is_recreated(key, e)})
            else:
                setattr(backend, attribute, value)
        self._stored[name] = _summary(_row(backend, {**AT_ONCE, **LATER}))


def _backends(services: Services) -> Iterator[tuple[str, Any]]:
    """Yield (row's name, backend) of every backend in use of some services."""
    instances: Any = BackendDict
    for instance in tuple(instances._instances):
        if instance.service_name in services:
            for account, region, backend in tuple(instance.iter_backends()):
                yield f"{instance.service_name}/{account}/{region}", backend


def _data(backend: Any, services: Services) -> dict[str, Any]:
    """Return the attributes of a backend that hold its data."""
    service = type(backend).__module__.split(".")[1]
    values = {each: getattr(backend, each) for each in services[service]}
    return {key: dict(each) if isinstance(each, dict) else each for key, each in values.items()}


def _row(backend: Any, services: Services) -> bytes:
    return dump(_data(backend, services))


def _is_recreated(name: str, value: Any) -> bool:
    """Return whether an entry is not restored, since the offline cloud creates it at each start."""
    if isinstance(value, Subscription):  # of a function, at the address of an earlier run
        return "/kennel/sns/" in str(value.endpoint)
    return name.startswith("TargetTracking-")  # the alarms of a scaling policy


def _summary(row: bytes) -> tuple[int, int]:
    return hash(row), len(row)
