"""AWS prices, read from one dated JSON file in which each price names its source."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kennel.planner.errors import PlanError

_MAX_USD = 1e6  # of a price
_MAX_VCPUS = 10_000
FILE = Path(__file__).with_name("prices.json")


@dataclass(frozen=True)
class Prices:
    """The contents of a price file; see prices.json."""

    path: Path
    entries: dict[str, Any]

    @property
    def date(self) -> str:
        """The date of the price file."""
        return str(self.entries.get("date", "no date"))

    def has(self, name: str) -> bool:
        """Return whether the file has a price of this name."""
        return name in self.entries

    def usd(self, name: str) -> float:
        """Return a price in USD.

        Raises
        ------
        PlanError
            When it is missing or malformed.
        """
        if name not in self.entries:
            raise PlanError(f"price missing: {name} is not in {self.path.name}, add it there")
        return self._usd(self.entries[name], name)

    def instance_hour(self, instance_type: str) -> float:
        """Return the price of an endpoint instance in USD an hour.

        Raises
        ------
        PlanError
            When the type's price is missing or malformed.
        """
        return self._usd(self._instance(instance_type), instance_type)

    def vcpus(self, instance_type: str) -> int:
        """Return the number of vCPUs of an instance type, as listed in the price file."""
        vcpus = self._instance(instance_type).get("vcpus", 2)
        if not isinstance(vcpus, int) or not 1 <= vcpus <= _MAX_VCPUS:
            raise PlanError(
                f"{self.path.name}: {instance_type} has {vcpus!r} vcpus, expected a whole number "
                f"from 1 to {_MAX_VCPUS}"
            )
        return vcpus

    @property
    def instance_types(self) -> list[str]:
        """The instance types that have a price."""
        return list(self.entries.get("endpoint_hour", {}))

    def _instance(self, instance_type: str) -> dict[str, Any]:
        if instance_type not in self.instance_types:
            raise PlanError(
                f"price missing: no hour of {instance_type!r} in {self.path.name} (it has "
                f"{', '.join(self.instance_types)}); check the type's name, or add it to "
                f"endpoint_hour there"
            )
        instance: dict[str, Any] = self.entries["endpoint_hour"][instance_type]
        return instance

    def _usd(self, entry: Any, name: str) -> float:
        usd = entry.get("usd") if isinstance(entry, dict) else None
        if not isinstance(usd, int | float) or not 0 <= usd <= _MAX_USD or not entry.get("source"):
            raise PlanError(
                f"{self.path.name}: {name} is {entry!r}, expected an object with usd, a number "
                f"from 0 to {_MAX_USD:,.0f}, and source"
            )
        return float(usd)


def read(path: Path = FILE) -> Prices:
    """Read a price file.

    Raises
    ------
    PlanError
        When it cannot be read; names the line where it is not JSON.
    """
    try:
        entries = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise PlanError(f"cannot read prices from {path}: {error.strerror}") from error
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise PlanError(f"{path}, line {line}: not JSON ({error})") from error
    if not isinstance(entries, dict):
        raise PlanError(f"{path} holds {type(entries).__name__}, expected an object of prices")
    return Prices(path, entries)
