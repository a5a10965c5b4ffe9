"""Choose hyperparameters within a tuning job's ranges, with Optuna in place of AWS's search."""

import itertools
import random
import statistics
from collections.abc import Mapping, Sequence

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState

from kennel.cloud.runtime.store import Json
from kennel.cloud.sagemaker.jobs.tuning.request import ranges_of

optuna.logging.set_verbosity(optuna.logging.WARNING)

#: ScalingType Auto searches a range logarithmically from this ratio of its ends. The service does
#: not document its rule.
AUTO_LOGARITHMIC_RATIO = 100.0


class Search:
    """The search of one tuning job.

    Parameters
    ----------
    config
        HyperParameterTuningJobConfig.
    parent_results
        (hyperparameters as strings, final objective) of a warm start's parents.
    """

    def __init__(
        self, config: Json, parent_results: Sequence[tuple[Mapping[str, str], float]] = ()
    ) -> None:
        self._ranges = list(ranges_of(config))
        self._space = {each["Name"]: _distribution(kind, each) for kind, each in self._ranges}
        self.minimize = config["HyperParameterTuningJobObjective"]["Type"] == "Minimize"
        self._strategy = config["Strategy"]
        self._early_stopping = config.get("TrainingJobEarlyStoppingType", "Off") == "Auto"
        self._curves: list[list[float]] = []  # objective by epoch, of ended trials
        self._study = optuna.create_study(
            direction="minimize" if self.minimize else "maximize",
            sampler=_sampler(self._strategy, config.get("RandomSeed")),
            pruner=_pruner(config) if self._strategy == "Hyperband" else None,
        )
        for hyperparameters, value in parent_results:
            params = self._optuna_params(hyperparameters)
            if params is not None:
                trial = optuna.trial.create_trial(
                    params=params, distributions=self._space, value=value
                )
                self._study.add_trial(trial)
        self._grid_remaining: int | None = None
        if self._strategy == "Grid":
            grid = list(itertools.product(*(each["Values"] for _, each in self._ranges)))
            random.Random(config.get("RandomSeed")).shuffle(grid)  # noqa: S311 - an order of trials
            for values in grid:
                self._study.enqueue_trial(dict(zip(self._space, values, strict=True)))
            self._grid_remaining = len(grid)

    def propose(self) -> "Trial | None":
        """Return the next trial; None when a grid has no more."""
        if self._grid_remaining is not None:
            if self._grid_remaining == 0:
                return None
            self._grid_remaining -= 1
        trial = self._study.ask(self._space)
        hyperparameters = {
            each["Name"]: _text(kind, each, trial.params[each["Name"]])
            for kind, each in self._ranges
        }
        return Trial(trial, hyperparameters)

    def should_stop(self, trial: "Trial", curve: Sequence[float]) -> bool:
        """Return whether a running trial should be stopped.

        Parameters
        ----------
        curve
            The objective after each epoch so far. Early stopping compares the last one with the
            median of the running averages of ended trials up to the same epoch:
            https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-early-stopping.html
        """
        for step in range(trial.reported, len(curve)):
            trial.optuna_trial.report(curve[step], step + 1)
        trial.reported = len(curve)
        if not curve:
            return False
        if self._strategy == "Hyperband":
            return trial.optuna_trial.should_prune()
        averages = [statistics.fmean(ended[: len(curve)]) for ended in self._curves]
        if not self._early_stopping or not averages:
            return False
        median = statistics.median(averages)
        return curve[-1] > median if self.minimize else curve[-1] < median

    def report(
        self, trial: "Trial", objective: float | None, curve: Sequence[float], stopped: bool
    ) -> None:
        """Report an ended trial.

        Parameters
        ----------
        objective
            The final objective; None when there is none.
        curve
            The objective after each epoch.
        stopped
            Whether the trial was stopped before its end.
        """
        if objective is None:
            self._study.tell(trial.optuna_trial, state=TrialState.FAIL)
        elif stopped:
            self._study.tell(trial.optuna_trial, state=TrialState.PRUNED)
        else:
            self._study.tell(trial.optuna_trial, objective)
        if curve:
            self._curves.append(list(curve))

    def _optuna_params(
        self, hyperparameters: Mapping[str, str]
    ) -> dict[str, float | int | str] | None:
        """Return hyperparameters as Optuna's values; None when they are outside the ranges."""
        params: dict[str, float | int | str] = {}
        for kind, each in self._ranges:
            text = hyperparameters.get(each["Name"])
            if text is None or not _is_within(kind, each, text):
                return None
            params[each["Name"]] = _value(kind, each, text)
        return params


class Trial:
    """One trial: Optuna's, and the hyperparameters as the training job receives them.

    Attributes
    ----------
    reported
        Number of epochs whose objective Optuna has.
    """

    def __init__(self, optuna_trial: optuna.Trial, hyperparameters: dict[str, str]) -> None:
        self.optuna_trial = optuna_trial
        self.hyperparameters = hyperparameters
        self.reported = 0


def _sampler(strategy: str, seed: int | None) -> optuna.samplers.BaseSampler:
    if strategy == "Random":
        return optuna.samplers.RandomSampler(seed)
    return optuna.samplers.TPESampler(seed=seed)


def _pruner(config: Json) -> optuna.pruners.BasePruner:
    limits = config.get("StrategyConfig", {}).get("HyperbandStrategyConfig", {})
    return optuna.pruners.HyperbandPruner(
        min_resource=limits.get("MinResource", 1), max_resource=limits.get("MaxResource", "auto")
    )


def _is_reverse_logarithmic(parameter_range: Json) -> bool:
    return bool(parameter_range.get("ScalingType") == "ReverseLogarithmic")


def _distribution(kind: str, parameter_range: Json) -> BaseDistribution:
    if kind == "Categorical":
        return CategoricalDistribution(parameter_range["Values"])
    low, high = float(parameter_range["MinValue"]), float(parameter_range["MaxValue"])
    scaling = parameter_range.get("ScalingType", "Auto")
    log = scaling == "Logarithmic" or (
        scaling == "Auto" and low > 0 and high / low >= AUTO_LOGARITHMIC_RATIO
    )
    if kind == "Integer":
        return IntDistribution(int(low), int(high), log=log)
    if _is_reverse_logarithmic(parameter_range):  # the distance to 1 is searched logarithmically
        return FloatDistribution(1 - high, 1 - low, log=True)
    return FloatDistribution(low, high, log=log)


def _text(kind: str, parameter_range: Json, value: float | int | str) -> str:
    if kind == "Continuous" and _is_reverse_logarithmic(parameter_range):
        return str(1 - float(value))
    return str(value)


def _is_within(kind: str, parameter_range: Json, text: str) -> bool:
    if kind == "Categorical":
        return text in parameter_range["Values"]
    return float(parameter_range["MinValue"]) <= float(text) <= float(parameter_range["MaxValue"])


def _value(kind: str, parameter_range: Json, text: str) -> float | int | str:
    if kind == "Categorical":
        return text
    if kind == "Integer":
        return int(text)
    return 1 - float(text) if _is_reverse_logarithmic(parameter_range) else float(text)
