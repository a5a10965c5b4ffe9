"""Search hyperparameters with Optuna in the ranges of `search_space.json`.

SageMaker's tuning jobs take their ranges from the same file. A trial fits the head on features that
are computed already, so it takes a second or less; one that is worse than the median of the others
at the same epoch ends early. The first trial takes the settings as given, if they lie in the space,
so the search never returns worse ones. The same inputs give the same trials.
"""

import json
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna

from dogbreeds.network.head import EpochResult, Prior, Samples, fit_head
from dogbreeds.training.progress import Progress
from dogbreeds.training.settings import HeadSettings

SPACE = Path(__file__).resolve().parents[2] / "search_space.json"
WARM_UP_TRIALS, WARM_UP_EPOCHS = 5, 8  # before these no trial is ended early

optuna.logging.set_verbosity(optuna.logging.WARNING)


@dataclass(frozen=True)
class Trial:
    """One trial of the search, for the report."""

    number: int
    parameters: dict[str, Any]
    loss: float | None  # mean valid loss for each photo; None where it was ended early
    epochs: int


def read_space(path: Path = SPACE) -> dict[str, Any]:
    """Read the search space and its objective."""
    space: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return space


def objective_line(result: EpochResult) -> str:
    """Return the line of the log that the objective's regex reads."""
    metric = read_space()["objective"]["metric"]
    return (
        f"epoch {result.epoch}: train:loss={result.train_loss:.6f} {metric}={result.valid_loss:.6f}"
        f" train:top1={result.train_top1:.4f} valid:top1={result.valid_top1:.4f}"
    )


def search(
    prior: Prior,
    train: Samples,
    valid: Samples,
    start: HeadSettings,
    *,
    trials: int,
    log: Callable[[str], None] | None = None,
) -> tuple[HeadSettings, list[Trial]]:
    """Return the settings with the lowest valid loss among `trials` trials, and all trials."""
    space = read_space()["parameters"]
    with warnings.catch_warnings():
        # the sampler is stable in all but name; its interface is pinned with Optuna's version
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(
            direction=read_space()["objective"]["direction"],
            sampler=optuna.samplers.TPESampler(seed=start.seed, multivariate=True),
            pruner=optuna.pruners.MedianPruner(WARM_UP_TRIALS, WARM_UP_EPOCHS),
        )
    given = {entry["name"]: getattr(start, _field(entry["name"])) for entry in space}
    if all(_holds(entry, given[entry["name"]]) for entry in space):
        study.enqueue_trial(given)

    def objective(trial: optuna.Trial) -> float:
        chosen = {_field(entry["name"]): _suggest(trial, entry) for entry in space}

        def report(result: EpochResult) -> None:
            trial.report(result.valid_loss, result.epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        _, history = fit_head(prior, train, valid, replace(start, **chosen), on_epoch=report)
        return history[-1].valid_loss

    def after(_: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        progress.update()
        if log:
            log(_line(trial))

    with Progress("search", trials, sys.stderr) as progress:
        study.optimize(objective, trials, callbacks=[after])
    best = {_field(name): value for name, value in study.best_params.items()}
    tried = [
        Trial(
            trial.number + 1,
            trial.params,
            trial.value if trial.state == optuna.trial.TrialState.COMPLETE else None,
            len(trial.intermediate_values),
        )
        for trial in study.trials
    ]
    return replace(start, **best), tried


def _suggest(trial: optuna.Trial, entry: dict[str, Any]) -> Any:  # the space says which type
    if entry["type"] == "categorical":
        return trial.suggest_categorical(entry["name"], entry["values"])
    log = bool(entry.get("log", False))
    if entry["type"] == "int":
        return trial.suggest_int(entry["name"], entry["low"], entry["high"], log=log)
    return trial.suggest_float(entry["name"], entry["low"], entry["high"], log=log)


def _holds(entry: dict[str, Any], value: Any) -> bool:
    if entry["type"] == "categorical":
        return value in entry["values"]
    return bool(entry["low"] <= value <= entry["high"])


def _line(trial: optuna.trial.FrozenTrial) -> str:
    settings = " ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in trial.params.items()
    )
    complete = trial.state == optuna.trial.TrialState.COMPLETE
    result = f"loss {trial.value:.4f}" if complete else f"ended at epoch {trial.last_step}"
    return f"trial {trial.number + 1}: {settings}: {result}"


def _field(name: str) -> str:
    return name.replace("-", "_")
