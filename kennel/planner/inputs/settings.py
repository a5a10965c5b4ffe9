"""What is planned: the template's own settings, and what the template cannot know."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from kennel.planner.errors import BadPlan
from kennel.planner.inputs.distributions import Times, constant, lognormal

BIN_S = 10  # seconds; the planner's smallest step, and the period of a high-resolution metric
MINUTE = 60

#: Template parameter -> field of Settings.
PARAMETERS = {
    "ReservedConcurrency": "reserved",
    "RateLimit": "rate",
    "BurstLimit": "burst",
    "DailyQuota": "quota",
    "InstanceType": "instance_type",
    "MinInstances": "minimum",
    "MaxInstances": "maximum",
    "TargetInvocationsPerInstance": "target",
    "ScaleInCooldown": "in_cooldown",
    "ScaleOutCooldown": "out_cooldown",
}


@dataclass(frozen=True)
class Settings:
    """Everything that decides what becomes of a request.

    The first block is the template's (see PARAMETERS), the second is measured or assumed; times
    in seconds.
    """

    reserved: int = 5
    rate: float = 20.0  # requests a second that the usage plan lets through
    burst: int = 5
    quota: int = 10_000  # requests a day
    instance_type: str = "ml.c5.large"
    minimum: int = 1
    maximum: int = 5
    target: float = 600.0  # see `metric`
    in_cooldown: float = 30.0
    out_cooldown: float = 30.0

    memory_mb: int = 1769  # of ClassifyFunction
    account_concurrency: int = 1000  # what an unreserved function may take
    provisioned: int = 0  # environments that are always warm
    metric: str = "invocations"  # a minute and instance; or "concurrency", by ten seconds
    work: Times = field(default_factory=lambda: lognormal(0.060, 0.200))  # Lambda's own
    service: Times = field(default_factory=lambda: lognormal(0.0145, 0.036))  # of one worker
    workers: int = 2  # requests that an instance works on at once
    queue: int = 64  # requests that an instance takes in, those worked on included
    start: Times = field(default_factory=lambda: lognormal(310.0, 430.0))  # of an instance
    cold_start: Times = field(default_factory=lambda: constant(1.5))
    keep_warm: float = 600.0  # how long Lambda keeps an idle environment
    timeout: float = 10.0  # that the function waits for the endpoint
    retries: int = 0  # of a client that was told to come again
    retry_after: float = 1.0  # it waits this long, and up to as long again

    @property
    def concurrency(self) -> int:
        """How many executions there may be at once."""
        return self.reserved or self.account_concurrency

    def overrides(self) -> dict[str, str]:
        """Return the template's parameters as `sam deploy --parameter-overrides` takes them."""
        return {name: f"{getattr(self, held):g}" if not isinstance(getattr(self, held), str)
                else getattr(self, held) for name, held in PARAMETERS.items()}  # fmt: skip

    def checked(self) -> "Settings":
        """Return itself, or raise BadPlan where it contradicts itself."""
        at_least = {
            "RateLimit": (self.rate, 1), "BurstLimit": (self.burst, 1),
            "DailyQuota": (self.quota, 1), "MinInstances": (self.minimum, 1),
            "TargetInvocationsPerInstance": (self.target, 1e-9),
            "ReservedConcurrency": (self.reserved, 0), "ScaleInCooldown": (self.in_cooldown, 0),
            "ScaleOutCooldown": (self.out_cooldown, 0), "workers": (self.workers, 1),
            "queue": (self.queue, self.workers), "retries": (self.retries, 0),
            "provisioned concurrency": (self.provisioned, 0),
        }  # fmt: skip
        for name, (value, least) in at_least.items():
            if not (math.isfinite(value) and value >= least):
                raise BadPlan(f"{name} is {value:g}: expected at least {least:g}")
        if self.maximum < self.minimum:
            raise BadPlan(
                f"MaxInstances is {self.maximum} and MinInstances {self.minimum}: "
                "the most cannot be fewer than the fewest"
            )
        if self.reserved and self.provisioned > self.reserved:
            raise BadPlan(
                f"{self.provisioned} provisioned executions do not fit into "
                f"ReservedConcurrency={self.reserved}: reserve at least as many"
            )
        return self

    def with_parameters(self, given: Mapping[str, str]) -> "Settings":
        """Return a copy with template parameters changed.

        Raises
        ------
        BadPlan
            For a parameter that the planner does not know, or a value of the wrong kind.
        """
        changes: dict[str, Any] = {}
        for name, text in given.items():
            if name not in PARAMETERS:
                raise BadPlan(
                    f"{name!r} is no parameter that a plan depends on: {', '.join(PARAMETERS)}"
                )
            held = PARAMETERS[name]
            kind = type(getattr(self, held))
            try:
                changes[held] = kind(text)
            except ValueError as error:
                raise BadPlan(f"{name} is {text!r}: expected a number such as "
                              f"{getattr(self, held):g}") from error  # fmt: skip
        return replace(self, **changes)


def read_template(path: Path) -> Settings:
    """Read a template's defaults: its parameters, and the classifier's memory.

    Raises
    ------
    BadPlan
        When the file cannot be read or lacks a parameter that the planner needs.
    """
    try:
        source = yaml_parse(path.read_text("utf-8"))
        declared = source["Parameters"]
        memory = source["Resources"]["ClassifyFunction"]["Properties"]["MemorySize"]
        values = {name: str(declared[name]["Default"]) for name in PARAMETERS}
    except OSError as error:
        raise BadPlan(f"cannot read the template {path}: {error.strerror}") from error
    except (KeyError, TypeError) as error:
        raise BadPlan(
            f"{path} lacks {error}: expected Kennel's template, with a default for each of "
            f"{', '.join(PARAMETERS)}, and ClassifyFunction's MemorySize"
        ) from error
    return replace(Settings(), memory_mb=int(memory)).with_parameters(values)
