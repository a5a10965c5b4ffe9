"""Parse and validate the execution's input."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Request", "read_request"]

#: Comment is in the console's example.
KEYS = frozenset({"Comment", "tune", "hyperparameters", "release"})
_FLAG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")  # of model/train.py, without the hyphens
_RELEASE = re.compile(
    r"live|arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:[0-9]{12}:model-package/[A-Za-z0-9-]{1,63}/[0-9]+"
    r"|s3://[a-z0-9.-]+/.+\.tar\.gz"
)
_MAX_JOBS, _MAX_PARALLEL = 750, 100  # SageMaker's limits of a tuning job
_TUNE_LIMITS = {"max_jobs": _MAX_JOBS, "parallel": _MAX_PARALLEL}
_MAX_FLAGS, _MAX_LENGTH = 90, 2500  # SageMaker allows 100 hyperparameters; Kennel adds some


@dataclass(frozen=True, slots=True)
class Request:
    """The validated input of an execution."""

    tune: Mapping[str, int] | None = None  # max_jobs, parallel
    hyperparameters: Mapping[str, str] = field(default_factory=dict)  # values as text
    release: str | None = None  # what to release without a training

    @property
    def asks_for_training(self) -> bool:
        """Whether the input requires photos."""
        return bool(self.tune or self.hyperparameters)


def read_request(given: object) -> tuple[Request, list[str]]:
    """Return the validated input, and a sentence for each problem."""
    if not isinstance(given, dict):
        received = json.dumps(given)[:40]
        return Request(), [f"The input is {received}, expected an object: start with {{}}."]
    problems = []
    unknown = sorted(set(given) - KEYS)
    if unknown:
        problems.append(
            f"The input has {', '.join(unknown)}, which this state machine does not know: "
            f"it accepts {', '.join(sorted(KEYS))}."
        )
    problems += _tune_problems(given.get("tune"))
    problems += _hyperparameter_problems(given.get("hyperparameters"))
    problems += _release_problems(given)
    if problems:
        return Request(), problems
    flags = given.get("hyperparameters") or {}
    texts = {name: _text(value) for name, value in flags.items()}
    return Request(given.get("tune"), texts, given.get("release")), []


def _tune_problems(tune: Any) -> Iterator[str]:
    if tune is None:
        return
    example = '{"max_jobs": 20, "parallel": 4}'
    if not isinstance(tune, dict) or set(tune) != set(_TUNE_LIMITS):
        yield f"tune is {json.dumps(tune)[:80]}: give it as {example}."
        return
    for name, limit in _TUNE_LIMITS.items():
        count = tune[name]
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= limit:
            yield f"tune.{name} is {json.dumps(count)[:40]}: expected an integer from 1 to {limit}."
            return
    if tune["parallel"] > tune["max_jobs"]:
        yield (
            f"tune.parallel is {tune['parallel']} and tune.max_jobs {tune['max_jobs']}: "
            "the first must not be the larger."
        )


def _hyperparameter_problems(flags: Any) -> Iterator[str]:
    if flags is None:
        return
    if not isinstance(flags, dict):
        yield (
            f"hyperparameters is {json.dumps(flags)[:80]}: give model/train.py's flags without the "
            'hyphens in front, such as {"epochs": 30}.'
        )
        return
    if len(flags) > _MAX_FLAGS:
        yield f"There are {len(flags)} hyperparameters: at most {_MAX_FLAGS} are accepted."
    for name, value in flags.items():
        if not _FLAG.fullmatch(name):
            yield (
                f"The hyperparameter {name!r} is no flag of model/train.py: lower-case words with "
                "hyphens between them, such as learning-rate."
            )
        elif not isinstance(value, bool | int | float | str) or len(_text(value)) > _MAX_LENGTH:
            yield (
                f"The hyperparameter {name} is {json.dumps(value)[:40]}: a number, true, false or "
                f"a text of at most {_MAX_LENGTH:,} characters."
            )


def _release_problems(given: Mapping[str, Any]) -> Iterator[str]:
    release = given.get("release")
    if release is None:
        return
    if not isinstance(release, str) or not _RELEASE.fullmatch(release):
        yield (
            f'release is {json.dumps(release)[:120]}: expected "live", the ARN of a version '
            "(arn:aws:sagemaker:REGION:ACCOUNT:model-package/GROUP/NUMBER), or a package in the "
            "bucket (s3://BUCKET/KEY.tar.gz)."
        )
    if given.get("tune") or given.get("hyperparameters"):
        yield "release starts no training: leave tune and hyperparameters out, or release."


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
