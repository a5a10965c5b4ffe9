"""Settings of a plan: the template's parameters, and the measured or assumed values beside them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kennel.cloud.cloudformation.yaml_text import parse_yaml
from kennel.planner.errors import PlanError
from kennel.planner.inputs.distributions import Distribution, constant, lognormal

BIN_S = 10  # seconds of a bin, the planner's time step; the period of a high-resolution metric
MINUTE = 60  # seconds

#: Template parameter -> attribute of PlanSettings.
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
class PlanSettings:
    """The settings of the request path from API Gateway through Lambda to the endpoint.

    The first block holds template parameters (see PARAMETERS); the second is measured or assumed.
    Times are in seconds.
    """

    reserved: int = 5  # concurrent executions; 0: not reserved
    rate: float = 20.0  # requests a second that the usage plan admits
    burst: int = 5
    quota: int = 10_000  # requests a day
    instance_type: str = "ml.c5.large"
    minimum: int = 1  # instances
    maximum: int = 5
    target: float = 600.0  # of `metric`, for target tracking
    in_cooldown: float = 30.0
    out_cooldown: float = 30.0

    memory_mb: int = 1769  # of ClassifyFunction
    account_concurrency: int = 1000  # the limit of a function without reserved concurrency
    provisioned: int = 0  # provisioned concurrency
    metric: str = "invocations"  # a minute and instance; or "concurrency", every 10 s
    work: Distribution = field(
        default_factory=lambda: lognormal(0.060, 0.200)  # in Lambda, without the endpoint call
    )
    service: Distribution = field(
        default_factory=lambda: lognormal(0.0145, 0.036)  # of one request on one worker
    )
    workers: int = 2  # requests that an instance serves at the same time
    queue: int = 64  # requests that an instance accepts, those in service included
    start: Distribution = field(
        default_factory=lambda: lognormal(310.0, 430.0)  # from scale-out to InService
    )
    cold_start: Distribution = field(default_factory=lambda: constant(1.5))
    keep_warm: float = 600.0  # idle time after which Lambda removes an environment
    timeout: float = 10.0  # of the function's call to the endpoint
    retries: int = 0  # of a client after 429 or 503
    retry_after: float = 1.0  # a retry waits once to twice this time

    @property
    def concurrency(self) -> int:
        """The maximum number of concurrent executions."""
        return self.reserved or self.account_concurrency

    def overrides(self) -> dict[str, str]:
        """Return the template's parameters as `sam deploy --parameter-overrides` takes them."""
        values = {name: getattr(self, attribute) for name, attribute in PARAMETERS.items()}
        return {
            name: value if isinstance(value, str) else f"{value:.12g}"  # 1000000, never 1e+06
            for name, value in values.items()
        }

    def checked(self) -> "PlanSettings":
        """Return these settings after checking that they are consistent.

        Raises
        ------
        PlanError
            For a value that is out of its range, or two that contradict each other.
        """
        ranges = {
            "RateLimit": (self.rate, 1, 1e9), "BurstLimit": (self.burst, 1, 1e9),
            "DailyQuota": (self.quota, 1, 1e12), "MinInstances": (self.minimum, 1, 10_000),
            "MaxInstances": (self.maximum, 0, 10_000),
            "TargetInvocationsPerInstance": (self.target, 1e-9, 1e9),
            "ReservedConcurrency": (self.reserved, 0, 1e6),
            "ScaleInCooldown": (self.in_cooldown, 0, 1e6),
            "ScaleOutCooldown": (self.out_cooldown, 0, 1e6), "workers": (self.workers, 1, 10_000),
            "queue": (self.queue, self.workers, 1e6), "retries": (self.retries, 0, 100),
            "provisioned concurrency": (self.provisioned, 0, 1e6),
        }  # fmt: skip
        for name, (value, least, most) in ranges.items():
            if value < least:
                raise PlanError(f"{name} is {_short(value)}: expected at least {least:g}")
            if not value <= most:  # a NaN too
                raise PlanError(f"{name} is {_short(value)}: expected at most {most:,.0f}")
        if self.maximum < self.minimum:
            raise PlanError(
                f"MaxInstances is {self.maximum} and MinInstances {self.minimum}: "
                "expected MaxInstances to be at least MinInstances"
            )
        if self.reserved and self.provisioned > self.reserved:
            raise PlanError(
                f"provisioned concurrency is {self.provisioned} and ReservedConcurrency "
                f"{self.reserved}: reserve at least as many executions as are provisioned"
            )
        return self

    def with_parameters(self, parameters: Mapping[str, str]) -> "PlanSettings":
        """Return a copy with the given template parameters changed.

        Raises
        ------
        PlanError
            For a parameter that the planner does not use, or a value of the wrong type.
        """
        changes: dict[str, Any] = {}
        for name, text in parameters.items():
            if name not in PARAMETERS:
                raise PlanError(
                    f"{name!r} is not a parameter of a plan: expected one of "
                    f"{', '.join(PARAMETERS)}"
                )
            attribute = PARAMETERS[name]
            current = getattr(self, attribute)
            try:
                changes[attribute] = type(current)(text)
            except ValueError as error:
                example = current if isinstance(current, str) else f"{current:g}"
                raise PlanError(
                    f"{name} is {text[:40]!r}: expected a number such as {example}"
                ) from error
        return replace(self, **changes)


def _short(value: float) -> str:
    """Return a number in a few digits; `:g` fails for an int that is too large for a float."""
    text = str(value)
    return f"{value:g}" if len(text) < 20 else f"a number of {len(text)} digits"  # noqa: PLR2004


def read_template(path: Path) -> PlanSettings:
    """Read plan settings from a SAM template: parameter defaults, and a function's MemorySize.

    Raises
    ------
    PlanError
        When the file cannot be read or lacks a parameter that the planner needs.
    """
    try:
        template = parse_yaml(path.read_text("utf-8"))
        declared = template["Parameters"]
        memory = template["Resources"]["ClassifyFunction"]["Properties"]["MemorySize"]
        values = {name: str(declared[name]["Default"]) for name in PARAMETERS}
    except OSError as error:
        raise PlanError(f"cannot read the template {path}: {error.strerror}") from error
    except (KeyError, TypeError) as error:
        raise PlanError(
            f"{path} lacks {error}: expected Kennel's template, with a default for each of "
            f"{', '.join(PARAMETERS)}, and ClassifyFunction's MemorySize"
        ) from error
    return replace(PlanSettings(), memory_mb=int(memory)).with_parameters(values)
