"""The execution's input: what may stand in it, and what it asks for."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Request", "read_request"]

KEYS = frozenset({"Comment", "tune", "hyperparameters"})  # Comment is the console's own example
_FLAG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")  # of model/train.py, without the hyphens
_MOST_JOBS, _MOST_PARALLEL = 750, 100  # SageMaker's own limits of a tuning job
_TUNE = {"max_jobs": _MOST_JOBS, "parallel": _MOST_PARALLEL}
_MOST_FLAGS, _LONGEST_VALUE = 90, 2500  # of the 100 hyperparameters some are Kennel's own


@dataclass(frozen=True, slots=True)
class Request:
    """What the person who started the execution wants."""

    tune: Mapping[str, int] | None = None  # max_jobs, parallel
    hyperparameters: Mapping[str, str] = field(default_factory=dict)  # as SageMaker wants them

    @property
    def asks_for_training(self) -> bool:
        """Whether it makes no sense without photos."""
        return bool(self.tune or self.hyperparameters)


def read_request(given: object) -> tuple[Request, list[str]]:
    """Read the input; the second is a sentence for each thing that is wrong with it."""
    if not isinstance(given, dict):
        found = json.dumps(given)[:40]
        return Request(), [f"The input is {found}, where an object belongs: start with {{}}."]
    problems = []
    unknown = sorted(set(given) - KEYS)
    if unknown:
        problems.append(
            f"The input has {', '.join(unknown)}, which this state machine does not know: "
            f"it takes {', '.join(sorted(KEYS))}."
        )
    problems += _tune_problems(given.get("tune"))
    problems += _hyperparameter_problems(given.get("hyperparameters"))
    if problems:
        return Request(), problems
    flags = given.get("hyperparameters") or {}
    return Request(given.get("tune"), {name: _text(value) for name, value in flags.items()}), []


def _tune_problems(tune: Any) -> Iterator[str]:
    if tune is None:
        return
    example = '{"max_jobs": 20, "parallel": 4}'
    if not isinstance(tune, dict) or set(tune) != set(_TUNE):
        yield f"tune is {json.dumps(tune)[:80]}: give it as {example}."
        return
    for name, most in _TUNE.items():
        count = tune[name]
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= most:
            yield f"tune.{name} is {json.dumps(count)[:40]}: a whole number from 1 to {most}."
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
    if len(flags) > _MOST_FLAGS:
        yield f"There are {len(flags)} hyperparameters: SageMaker takes {_MOST_FLAGS} beside ours."
    for name, value in flags.items():
        if not _FLAG.fullmatch(name):
            yield (
                f"The hyperparameter {name!r} is no flag of model/train.py: lower-case words with "
                "hyphens between them, such as learning-rate."
            )
        elif not isinstance(value, bool | int | float | str) or len(_text(value)) > _LONGEST_VALUE:
            yield (
                f"The hyperparameter {name} is {json.dumps(value)[:40]}: a number, true, false or "
                f"a text of at most {_LONGEST_VALUE:,} characters."
            )


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
