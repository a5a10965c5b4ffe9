"""Everything that can stop an execution for a reason of ours.

    PipelineFailure          one sentence for the person who started the execution
    ├── PreflightFailed      before anything is created: settings or input are wrong, all listed
    ├── BundleBroken         what was packaged, or what the bucket holds, is not what its hash says
    ├── ImageBuildFailed     CodeBuild could not make the serving image
    ├── JobRefused           a job of this name is somebody else's, or has failed already
    ├── PackageBroken        what a training job has left is no model package
    ├── ReleaseRefused       the endpoint is in no state to take a new model
    ├── SmokeTestFailed      the endpoint is InService and wrong
    └── CleanUpFailed        after a failure the endpoint is in a state that a person must look at

Step Functions shows the class's name as the error and the sentence as its cause. What AWS itself
refuses (a quota, a missing permission) stays AWS's own exception, with AWS's own words.
"""

__all__ = [
    "BundleBroken",
    "CleanUpFailed",
    "ImageBuildFailed",
    "JobRefused",
    "PackageBroken",
    "PipelineFailure",
    "PreflightFailed",
    "ReleaseRefused",
    "SmokeTestFailed",
]


class PipelineFailure(Exception):  # noqa: N818  # its names are read in the console, not in code
    """The execution cannot go on; `str(failure)` says what was found, and what to do."""


class PreflightFailed(PipelineFailure):
    """Settings or input are wrong.

    Parameters
    ----------
    problems
        A sentence each, all that were found.
    """

    def __init__(self, problems: list[str]) -> None:
        numbered = " ".join(f"({n}) {problem}" for n, problem in enumerate(problems, 1))
        count = "One problem stops" if len(problems) == 1 else f"{len(problems)} problems stop"
        super().__init__(f"{count} this release: {numbered}")
        self.problems = problems


class BundleBroken(PipelineFailure):
    """The bundle is not what its hash says."""


class ImageBuildFailed(PipelineFailure):
    """CodeBuild could not make the serving image."""


class JobRefused(PipelineFailure):
    """A job of this execution's name cannot be used."""


class PackageBroken(PipelineFailure):
    """What a training job has left is no model package."""


class ReleaseRefused(PipelineFailure):
    """The endpoint cannot take a new model now."""


class SmokeTestFailed(PipelineFailure):
    """The endpoint answers wrongly, or not from the new configuration."""


class CleanUpFailed(PipelineFailure):
    """The endpoint is left in a state that nothing here can mend."""
