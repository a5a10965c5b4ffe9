"""Looks at training while it runs, as SageMaker Debugger's rules did before they were closed.

    watch = Watch(classes=10)
    watch.before_training(of_module(network))
    with watch.activations_of(network):
        for epoch in ...:
            for photos, labels in watch.loading(batches):
                ...
                loss.backward()
                watch.step(loss, of_module(network))   # before the optimiser's step
            watch.epoch(train_loss, valid_loss, train_top1, valid_top1)
    watch.findings                                     # for the report

A head fitted in NumPy gives arrays instead: `watch.step(loss, [("head", weights, gradient)])`.

Parameters are looked at in steps 1, 2, 4, 8, ... up to `every`, then in each `every`-th; between
them a step costs a list append, and a loss that lies on a GPU stays there.
"""

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from dogbreeds.watch.rules import Action, Check, Epoch, Rule, Sign, Window, default_rules
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

EVERY = 100  # steps between two looks; bench/watch_cost.py has what they cost

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class Finding:
    """A rule's threshold was passed."""

    rule: str
    step: int  # steps trained when it was found; 0 is before training
    epoch: int  # epochs trained
    where: str  # the layer, or what was measured
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
    """A rule with the action `stop` ended the run."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"Training stopped: {finding}")
        self.finding = finding


def to_stderr(finding: Finding) -> None:
    """Print a finding where a job's log has it."""
    print(f"watch: {finding}", file=sys.stderr, flush=True)


class Watch:
    """The rules over one run.

    Parameters
    ----------
    classes : int, optional
        Number of breeds.
    rules : list of Rule, optional
        All of `watch_rules.default_rules` unless given.
    every : int
        Steps between two looks at the parameters.
    actions : mapping of rule name to action
        Replaces the rules' own, e.g. ``{"overtraining": "stop"}``.
    tell : callable
        Given each finding when it is made.

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
        tell: Callable[[Finding], None] = to_stderr,
    ) -> None:
        self.findings: list[Finding] = []
        self._rules = default_rules(classes) if rules is None else rules
        self._actions = dict(actions or {})
        if unknown := self._actions.keys() - {rule.name for rule in self._rules}:
            names = ", ".join(rule.name for rule in self._rules)
            raise ValueError(f"No rule is called {min(unknown)!r}, expected one of {names}.")
        self._every, self._tell = every, tell
        self._steps = self._epochs = 0
        self._silent: set[str] = set()  # found before, or explained by what was found
        self._losses: list[Number] = []
        self._activations = Activations()
        self._timed, self._wait, self._work = 0, 0.0, 0.0

    def before_training(self, parameters: Parameters) -> None:
        """Look at the parameters as they were initialised or loaded."""
        found = weights(parameters)
        self._ask(lambda rule: rule.start(found))

    def activations_of(self, module: "nn.Module") -> AbstractContextManager[None]:
        """Look at the activations of `module` in the steps that are looked at, within a block."""
        return self._activations.attached(module, lambda: self._due(self._steps + 1))

    def step(self, loss: Number, parameters: Parameters = ()) -> None:
        """Take a step's mean loss for each photo, and its gradients before they are applied.

        Parameters
        ----------
        loss : float or tensor of one value
        parameters : iterable of (name, weight, gradient or None)
            Read only in steps that are looked at: a generator costs nothing in the others.

        Raises
        ------
        StoppedByRule
            A rule whose action is `stop` found something.
        """
        self._steps += 1
        self._losses.append(loss if isinstance(loss, int | float) else loss.detach())
        if not self._due(self._steps):
            return
        began = time.perf_counter()
        losses = read(self._losses)  # waits for a GPU to finish what it was given
        drained = time.perf_counter() - began
        self._losses.clear()
        check = Check(losses, layers(parameters), self._activations.shares())
        self._ask(lambda rule: rule.check(check))
        if self._timed:
            mean = (self._wait + self._work) / self._timed
            window = Window(self._timed, self._wait, self._work, behind=drained > mean)
            self._timed, self._wait, self._work = 0, 0.0, 0.0
            self._ask(lambda rule: rule.window(window))

    def waited(self, data: float, work: float) -> None:
        """Take the seconds that a step waited for its data, and those it then worked."""
        self._timed += 1
        self._wait += data
        self._work += work

    def loading(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield the batches and take the times: a loop over this needs no `waited`."""
        iterator, done = iter(batches), object()
        while True:
            began = time.perf_counter()
            batch = next(iterator, done)
            if batch is done:
                return
            came = time.perf_counter()
            yield batch  # type: ignore[misc]  # it is not `done`
            self.waited(came - began, time.perf_counter() - came)

    def epoch(
        self, train_loss: float, valid_loss: float, train_top1: float, valid_top1: float
    ) -> None:
        """Take an epoch's mean losses for each photo and shares told right, 0..1.

        Raises
        ------
        StoppedByRule
            A rule whose action is `stop` found something.
        """
        self._epochs += 1
        epoch = Epoch(self._steps, train_loss, valid_loss, train_top1, valid_top1)
        self._ask(lambda rule: rule.epoch(epoch))

    def _due(self, step: int) -> bool:
        early = step < self._every and step & (step - 1) == 0  # powers of two
        return early or step % self._every == 0

    def _ask(self, question: Callable[[Rule], Sign]) -> None:
        for rule in self._rules:
            if rule.name in self._silent or (sign := question(rule)) is None:
                continue
            value, where = sign
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
            self._silent |= {
                rule.name,
                *rule.explains,
            }  # said once, and its consequences not at all
            self.findings.append(finding)
            self._tell(finding)
            if action == "stop":
                raise StoppedByRule(finding)
