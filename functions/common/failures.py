"""Exceptions that stop an execution for a reason of our own.

    PipelineFailure          one sentence for the person who started the execution
    ├── PreflightFailed      before anything is created: all invalid settings and input
    ├── BundleBroken         the packaged or published bundle does not match its hash
    ├── ImageBuildFailed     CodeBuild could not build the serving image
    ├── LiveModelUnusable    the live model cannot be compared with, or rolled back to
    ├── JobRefused           a job of this name belongs to another execution, or has failed already
    ├── PackageBroken        a model package is missing, or is not valid
    ├── EndpointBusy         the endpoint accepts no update for now; Release is repeated for an hour
    ├── ReleaseRefused       the endpoint accepts no update, or the version may not be released
    ├── SmokeTestFailed      the endpoint is InService and answers wrongly
    └── CleanUpFailed        the endpoint cannot be cleaned up automatically

Step Functions shows the class's name as the error and the sentence as its cause. An error of AWS
itself (a quota, a missing permission) stays AWS's own exception, with AWS's own message.
"""

__all__ = [
    "BundleBroken",
    "CleanUpFailed",
    "EndpointBusy",
    "ImageBuildFailed",
    "JobRefused",
    "LiveModelUnusable",
    "PackageBroken",
    "PipelineFailure",
    "PreflightFailed",
    "ReleaseRefused",
    "SmokeTestFailed",
]


class PipelineFailure(Exception):  # noqa: N818  # its names are read in the console, not in code
    """The execution must stop; `str(failure)` says why and what to do."""


class PreflightFailed(PipelineFailure):
    """Settings or input are invalid.

    Parameters
    ----------
    problems
        One sentence for each problem.
    """

    def __init__(self, problems: list[str]) -> None:
        numbered = " ".join(f"({n}) {problem}" for n, problem in enumerate(problems, 1))
        count = "One problem stops" if len(problems) == 1 else f"{len(problems)} problems stop"
        super().__init__(f"{count} this release: {numbered}")
        self.problems = problems


class BundleBroken(PipelineFailure):
    """The bundle does not match its hash."""


class ImageBuildFailed(PipelineFailure):
    """CodeBuild could not build the serving image."""


class LiveModelUnusable(PipelineFailure):
    """The live model cannot be compared with, or a failed release not be rolled back to it."""


class JobRefused(PipelineFailure):
    """An existing job with this execution's job name cannot be used."""


class PackageBroken(PipelineFailure):
    """A model package is missing or not valid."""


class EndpointBusy(PipelineFailure):
    """The endpoint accepts no update until a change by autoscaling or by AWS itself ends."""


class ReleaseRefused(PipelineFailure):
    """The endpoint accepts no update now, or the version or package may not be released."""


class SmokeTestFailed(PipelineFailure):
    """The endpoint answers wrongly, or does not run the new configuration."""


class CleanUpFailed(PipelineFailure):
    """The endpoint cannot be cleaned up automatically."""
