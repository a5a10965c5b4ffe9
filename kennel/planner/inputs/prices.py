"""Prices out of one dated file, each with its source; one that is missing is said to be."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kennel.planner.errors import BadPlan

FILE = Path(__file__).with_name("prices.json")


@dataclass(frozen=True)
class Prices:
    """USD by name; see prices.json."""

    path: Path
    held: dict[str, Any]

    @property
    def date(self) -> str:
        """When they were noted."""
        return str(self.held.get("date", "no date"))

    def known(self, name: str) -> bool:
        """Return whether there is a price of this name."""
        return name in self.held

    def of(self, name: str) -> float:
        """Return a price in USD.

        Raises
        ------
        BadPlan
            When it is missing.
        """
        if name not in self.held:
            raise BadPlan(f"price missing: {name} is not in {self.path.name}, add it there")
        return self._usd(self.held[name], name)

    def instance_hour(self, instance_type: str) -> float:
        """Return an endpoint instance's USD an hour.

        Raises
        ------
        BadPlan
            When that type's price is missing.
        """
        return self._usd(self._instance(instance_type), instance_type)

    def vcpus(self, instance_type: str) -> int:
        """Return the virtual processors of an instance type, as the same file has them."""
        return int(self._instance(instance_type).get("vcpus", 2))

    @property
    def instance_types(self) -> list[str]:
        """The instance types with a price."""
        return list(self.held.get("endpoint_hour", {}))

    def _instance(self, instance_type: str) -> dict[str, Any]:
        if instance_type not in self.instance_types:
            raise BadPlan(
                f"price missing: no hour of {instance_type!r} in {self.path.name} (it has "
                f"{', '.join(self.instance_types)}); check the type's name, or add it to "
                f"endpoint_hour there"
            )
        found: dict[str, Any] = self.held["endpoint_hour"][instance_type]
        return found

    def _usd(self, entry: Any, name: str) -> float:
        usd = entry.get("usd") if isinstance(entry, dict) else None
        if not isinstance(usd, int | float) or not 0 <= usd < math.inf or not entry.get("source"):
            raise BadPlan(
                f"{self.path.name}: {name} is {entry!r}, expected an object with usd, a number "
                "from 0, and source"
            )
        return float(usd)


def read(path: Path = FILE) -> Prices:
    """Read a price file.

    Raises
    ------
    BadPlan
        When it cannot be read, with the line where it is no JSON.
    """
    try:
        held = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadPlan(f"cannot read prices from {path}: {error.strerror}") from error
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise BadPlan(f"{path}, line {line}: no JSON ({error})") from error
    if not isinstance(held, dict):
        raise BadPlan(f"{path} holds {type(held).__name__}, expected an object of prices")
    return Prices(path, held)
