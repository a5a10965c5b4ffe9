"""Where the tuning service would choose hyperparameters: Optuna, behind the service's ranges."""

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
from kennel.cloud.sagemaker.jobs.validation import ranges_of

optuna.logging.set_verbosity(optuna.logging.WARNING)

#: ScalingType Auto: the service decides and does not say how. Here: a range whose ends are this
#: many times apart is searched logarithmically.
AUTO_LOGARITHMIC = 100.0


class Search:
    """The hyperparameters of one tuning job.

    Parameters
    ----------
    config
        HyperParameterTuningJobConfig.
    known
        (hyperparameters as strings, final objective) of jobs that a warm start learns from.
    """

    def __init__(self, config: Json, known: Sequence[tuple[Mapping[str, str], float]] = ()) -> None:
        self._ranges = list(ranges_of(config))
        self._space = {each["Name"]: _distribution(kind, each) for kind, each in self._ranges}
        self.minimize = config["HyperParameterTuningJobObjective"]["Type"] == "Minimize"
        self._strategy = config["Strategy"]
        self._stops_early = config.get("TrainingJobEarlyStoppingType", "Off") == "Auto"
        self._curves: list[list[float]] = []  # objectives of ended jobs, an epoch each
        self._study = optuna.create_study(
            direction="minimize" if self.minimize else "maximize",
            sampler=_sampler(self._strategy, config.get("RandomSeed")),
            pruner=_pruner(config) if self._strategy == "Hyperband" else None,
        )
        for given, value in known:
            params = self._internal(given)
            if params is not None:
                trial = optuna.trial.create_trial(
                    params=params, distributions=self._space, value=value
                )
                self._study.add_trial(trial)
        self._left: int | None = None
        if self._strategy == "Grid":
            grid = list(itertools.product(*(each["Values"] for _, each in self._ranges)))
            random.Random(config.get("RandomSeed")).shuffle(grid)  # noqa: S311 - an order to try
            for values in grid:
                self._study.enqueue_trial(dict(zip(self._space, values, strict=True)))
            self._left = len(grid)

    def propose(self) -> "Try | None":
        """Return the next hyperparameters to try; None when a grid has no more."""
        if self._left is not None:
            if self._left == 0:
                return None
            self._left -= 1
        trial = self._study.ask(self._space)
        values = {
            each["Name"]: _text(kind, each, trial.params[each["Name"]])
            for kind, each in self._ranges
        }
        return Try(trial, values)

    def is_hopeless(self, tried: "Try", values: Sequence[float]) -> bool:
        """Return whether a running job should be stopped.

        Parameters
        ----------
        values
            The objective after each epoch so far. With early stopping, the last one is compared
            with the median of the running averages that ended jobs had by the same epoch:
            https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-early-stopping.html
        """
        for step in range(tried.reported, len(values)):
            tried.trial.report(values[step], step + 1)
        tried.reported = len(values)
        if not values:
            return False
        if self._strategy == "Hyperband":
            return tried.trial.should_prune()
        averages = [statistics.fmean(curve[: len(values)]) for curve in self._curves]
        if not self._stops_early or not averages:
            return False
        median = statistics.median(averages)
        return values[-1] > median if self.minimize else values[-1] < median

    def tell(
        self, tried: "Try", value: float | None, curve: Sequence[float], stopped: bool
    ) -> None:
        """Learn how a job ended.

        Parameters
        ----------
        value
            Its final objective; None when it has none.
        curve
            The objective after each epoch.
        stopped
            Whether it was stopped before its end.
        """
        if value is None:
            self._study.tell(tried.trial, state=TrialState.FAIL)
        elif stopped:
            self._study.tell(tried.trial, state=TrialState.PRUNED)
        else:
            self._study.tell(tried.trial, value)
        if curve:
            self._curves.append(list(curve))

    def _internal(self, given: Mapping[str, str]) -> dict[str, float | int | str] | None:
        """Return hyperparameters as Optuna has them; None when they are outside the ranges."""
        params: dict[str, float | int | str] = {}
        for kind, each in self._ranges:
            text = given.get(each["Name"])
            if text is None or not _is_within(kind, each, text):
                return None
            params[each["Name"]] = _value(kind, each, text)
        return params


class Try:
    """One proposal: Optuna's trial, and the hyperparameters as a job gets them."""

    def __init__(self, trial: optuna.Trial, values: dict[str, str]) -> None:
        self.trial = trial
        self.values = values
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


def _reversed(each: Json) -> bool:
    return bool(each.get("ScalingType") == "ReverseLogarithmic")


def _distribution(kind: str, each: Json) -> BaseDistribution:
    if kind == "Categorical":
        return CategoricalDistribution(each["Values"])
    low, high = float(each["MinValue"]), float(each["MaxValue"])
    scaling = each.get("ScalingType", "Auto")
    log = scaling == "Logarithmic" or (
        scaling == "Auto" and low > 0 and high / low >= AUTO_LOGARITHMIC
    )
    if kind == "Integer":
        return IntDistribution(int(low), int(high), log=log)
    if _reversed(each):  # what is left to 1 is searched logarithmically
        return FloatDistribution(1 - high, 1 - low, log=True)
    return FloatDistribution(low, high, log=log)


def _text(kind: str, each: Json, value: float | int | str) -> str:
    if kind == "Continuous" and _reversed(each):
        return str(1 - float(value))
    return str(value)


def _is_within(kind: str, each: Json, text: str) -> bool:
    if kind == "Categorical":
        return text in each["Values"]
    return float(each["MinValue"]) <= float(text) <= float(each["MaxValue"])


def _value(kind: str, each: Json, text: str) -> float | int | str:
    if kind == "Categorical":
        return text
    if kind == "Integer":
        return int(text)
    return 1 - float(text) if _reversed(each) else float(text)
