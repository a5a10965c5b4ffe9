"""Everything that can stop an execution for a reason of ours.

    PipelineFailure          one sentence for the person who started the execution
    ├── PreflightFailed      before anything is created: settings or input are wrong, all listed
    ├── BundleBroken         what was packaged, or what the bucket holds, is not what its hash says
    ├── ReleaseRefused       the endpoint is in no state to take a new model
    └── SmokeTestFailed      the endpoint is InService and wrong

Step Functions shows the class's name as the error and the sentence as its cause. What AWS itself
refuses (a quota, a missing permission) stays AWS's own exception, with AWS's own words.
"""

__all__ = [
    "BundleBroken",
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


class ReleaseRefused(PipelineFailure):
    """The endpoint cannot take a new model now."""


class SmokeTestFailed(PipelineFailure):
    """The endpoint answers wrongly, or not from the new configuration."""
