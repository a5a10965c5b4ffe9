"""The environment of ClassifyFunction."""

from dataclasses import dataclass
from typing import Self

from common.environment import Environment
from common.hosting import HOSTINGS

__all__ = ["ClassifySettings"]


@dataclass(frozen=True, slots=True)
class ClassifySettings:
    """The environment of ClassifyFunction."""

    endpoint_name: str  # ENDPOINT_NAME: the SageMaker endpoint that answers
    region: str  # AWS_REGION: set by Lambda; boto3 by itself reads AWS_DEFAULT_REGION
    endpoint_url: str | None  # SAGEMAKER_ENDPOINT_URL: empty means AWS; `sam local` sets another
    allowed_origin: str  # ALLOWED_ORIGIN: whose pages may call the API; empty means none
    sample_rate: float  # LOG_SAMPLE_RATE: share of the answers that are logged with their facts
    serverless: bool  # HOSTING: instances or serverless, which has cold starts

    @classmethod
    def from_environment(cls, environment: Environment) -> Self:
        """Read the settings.

        Raises
        ------
        common.environment.BadEnvironment
            A variable is missing; the message names it.
        """
        return cls(
            endpoint_name=environment.text("ENDPOINT_NAME"),
            region=environment.text("AWS_REGION"),
            endpoint_url=environment.text("SAGEMAKER_ENDPOINT_URL") or None,
            allowed_origin=environment.text("ALLOWED_ORIGIN"),
            sample_rate=environment.number("LOG_SAMPLE_RATE"),
            serverless=environment.one_of("HOSTING", *HOSTINGS) == "serverless",
        )
