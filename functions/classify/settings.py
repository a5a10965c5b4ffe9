"""What ClassifyFunction reads from its environment: once, at import, and typed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

__all__ = ["Settings", "SettingsError"]


class SettingsError(RuntimeError):
    """The function cannot start; the message names the missing variable."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of one deployed function."""

    endpoint_name: str  # ENDPOINT_NAME: the SageMaker endpoint that answers, from the template
    region: str  # AWS_REGION: set by Lambda itself; boto3 alone would look for AWS_DEFAULT_REGION
    endpoint_url: str | None  # SAGEMAKER_ENDPOINT_URL: empty on AWS; `sam local` points it home

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises
        ------
        SettingsError
            A required variable is missing or empty.
        """
        return cls(
            endpoint_name=_required(environment, "ENDPOINT_NAME"),
            region=_required(environment, "AWS_REGION"),
            endpoint_url=environment.get("SAGEMAKER_ENDPOINT_URL") or None,
        )


def _required(environment: Mapping[str, str], key: str) -> str:
    value = environment.get(key, "")
    if not value:
        raise SettingsError(
            f"The environment variable {key} is {'empty' if key in environment else 'missing'}, "
            "and ClassifyFunction cannot work without it: template.yaml sets it, and for a local "
            "run the shell or --env-vars must."
        )
    return value
