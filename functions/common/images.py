"""Which container image serves the model."""

from dataclasses import dataclass
from typing import Self

from common.environment import Environment

__all__ = ["ServingImage"]


@dataclass(frozen=True, slots=True)
class ServingImage:
    """Template parameters about the serving image."""

    given: str  # SERVING_IMAGE: a URI; empty = built from the bundle
    repository_uri: str  # REPOSITORY_URI: ECR repository of built images, tagged by bundle hash

    @classmethod
    def from_environment(cls, environment: Environment) -> Self:
        """Read the settings; a missing one raises BadEnvironment."""
        return cls(environment.text("SERVING_IMAGE"), environment.text("REPOSITORY_URI"))

    def uri(self, bundle_hash: str) -> str:
        """Return the URI of the image that serves this bundle."""
        return self.given or f"{self.repository_uri}:{bundle_hash}"
