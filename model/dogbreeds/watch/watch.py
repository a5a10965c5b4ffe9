"""Check a training while it runs and stop it when it goes wrong, as SageMaker Debugger's rules did.

    watch = Watch(classes=10)
    watch.before_training(of_module(network))
    with watch.activations_of(network):
        for epoch in ...:
            for photos, labels in watch.timed(batches):
                ...
                loss.backward()
                watch.step(loss, of_module(network))   # before the optimiser's step
            watch.epoch(train_loss, valid_loss, train_top1, valid_top1)
    watch.findings                                     # for the report

A head fitted in NumPy passes arrays instead: `watch.step(loss, [("head", weights, gradient)])`.

Parameters are checked in steps 1, 2, 4, 8, ... up to `every`, then in each `every`-th; between them
a step costs a list append, and a loss on a GPU stays there.
"""

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from dogbreeds.watch.rules import Action, Check, Epoch, Rule, Violation, Window, default_rules
from dogbreeds.watch.signals import (
    Activations,
    Number,
    Parameters,
    layers,
    of_module,
    read,
    weights,
)

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Finding", "StoppedByRule", "Watch", "of_module"]

EVERY = 100  # steps between two checks; bench/watch_cost.py measures their cost

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class Finding:
    """A violation of a rule."""

    rule: str
    step: int  # steps trained before the finding; 0 is before training
    epoch: int  # epochs trained
    where: str  # the layer, or the quantity that was measured
    value: float
    threshold: float
    unit: str
    advice: str
    action: Action

    def __str__(self) -> str:
        return (
            f"{self.rule} at step {self.step} in {self.where}: {self.value:.3g} "
            f"(threshold {self.threshold:g}; {self.unit}). {self.advice}"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the fields, for the report; a value that JSON has no number for becomes None."""
        return asdict(self) | {"value": self.value if math.isfinite(self.value) else None}


class StoppedByRule(RuntimeError):  # noqa: N818  # a rule did its work; nothing broke
    """A rule whose action is `stop` ended the run."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"Training stopped: {finding}")
        self.finding = finding


def to_stderr(finding: Finding) -> None:
    """Print a finding to stderr, which is part of a job's log."""
    print(f"watch: {finding}", file=sys.stderr, flush=True)


class Watch:
    """Apply the rules to one run.

    Parameters
    ----------
    classes : int, optional
        Number of breeds.
    rules : list of Rule, optional
        `rules.default_rules(classes)` unless given.
    every : int
        Steps between two checks of the parameters.
    actions : mapping of rule name to action
        Overrides the rules' own, e.g. ``{"overtraining": "stop"}``.
    report : callable
        Called with each finding at once.

    Raises
    ------
    ValueError
        `actions` names no rule.
    """

    def __init__(
        self,
        classes: int | None = None,
        rules: list[Rule] | None = None,
        every: int = EVERY,
        actions: Mapping[str, Action] | None = None,
        report: Callable[[Finding], None] = to_stderr,
    ) -> None:
        self.findings: list[Finding] = []
        self._rules = default_rules(classes) if rules is None else rules
        self._actions = dict(actions or {})
        if unknown := self._actions.keys() - {rule.name for rule in self._rules}:
            names = ", ".join(rule.name for rule in self._rules)
            raise ValueError(f"No rule is called {min(unknown)!r}, expected one of {names}.")
        self._every, self._report = every, report
        self._steps = self._epochs = 0
        self._silenced: set[str] = set()  # rules violated before, and those that they explain
        self._losses: list[Number] = []
        self._activations = Activations()
        self._timed, self._wait, self._work = 0, 0.0, 0.0

    def before_training(self, parameters: Parameters) -> None:
        """Check the parameters as they were initialised or loaded."""
        initial = weights(parameters)
        self._apply(lambda rule: rule.start(initial))

    def activations_of(self, module: "nn.Module") -> AbstractContextManager[None]:
        """Record the activations of `module` within a block, in the steps that are checked."""
        return self._activations.attached(module, lambda: self._due(self._steps + 1))

    def step(self, loss: Number, parameters: Parameters = ()) -> None:
        """Add a step: its mean loss for each photo, and its gradients before they are applied.

        Parameters
        ----------
        loss : float or tensor of one value
        parameters : iterable of (name, weight, gradient or None)
            Read only in steps that are checked: a generator costs nothing in the others.

        Raises
        ------
        StoppedByRule
            A rule whose action is `stop` was violated.
        """
        self._steps += 1
        self._losses.append(loss if isinstance(loss, int | float) else loss.detach())
        if not self._due(self._steps):
            return
        began = time.perf_counter()
        losses = read(self._losses)  # waits until a GPU has finished its queue
        drained = time.perf_counter() - began
        self._losses.clear()
        check = Check(losses, layers(parameters), self._activations.shares())
        self._apply(lambda rule: rule.check(check))
        if self._timed:
            mean = (self._wait + self._work) / self._timed
            window = Window(self._timed, self._wait, self._work, behind=drained > mean)
            self._timed, self._wait, self._work = 0, 0.0, 0.0
            self._apply(lambda rule: rule.window(window))

    def add_times(self, data: float, work: float) -> None:
        """Add the seconds that a step waited for its data, and those of its work."""
        self._timed += 1
        self._wait += data
        self._work += work

    def timed(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield the batches, and call `add_times` for each step of the loop over them."""
        iterator, done = iter(batches), object()
        while True:
            began = time.perf_counter()
            batch = next(iterator, done)
            if batch is done:
                return
            came = time.perf_counter()
            yield batch  # type: ignore[misc]  # it is not `done`
            self.add_times(came - began, time.perf_counter() - came)

    def epoch(
        self, train_loss: float, valid_loss: float, train_top1: float, valid_top1: float
    ) -> None:
        """Add an epoch: its mean losses for each photo, and its accuracies in 0..1.

        Raises
        ------
        StoppedByRule
            A rule whose action is `stop` was violated.
        """
        self._epochs += 1
        epoch = Epoch(self._steps, train_loss, valid_loss, train_top1, valid_top1)
        self._apply(lambda rule: rule.epoch(epoch))

    def _due(self, step: int) -> bool:
        early = step < self._every and step & (step - 1) == 0  # powers of two
        return early or step % self._every == 0

    def _apply(self, check: Callable[[Rule], Violation | None]) -> None:
        for rule in self._rules:
            if rule.name in self._silenced or (violation := check(rule)) is None:
                continue
            value, where = violation
            action = self._actions.get(rule.name, rule.action)
            finding = Finding(
                rule=rule.name,
                step=self._steps,
                epoch=self._epochs,
                where=where,
                value=value,
                threshold=rule.threshold,
                unit=rule.unit,
                advice=rule.advice,
                action=action,
            )
            self._silenced |= {rule.name, *rule.explains}
            self.findings.append(finding)
            self._report(finding)
            if action == "stop":
                raise StoppedByRule(finding)
