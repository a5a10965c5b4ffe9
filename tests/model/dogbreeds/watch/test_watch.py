"""Each rule against a small real training run with one fault, and against healthy ones."""

import copy
import dataclasses
import itertools
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from dogbreeds.network.network import Network
from dogbreeds.watch.rules import StarvedDevice, Window, default_rules
from dogbreeds.watch.signals import Array
from dogbreeds.watch.watch import Finding, StoppedByRule, Watch, of_module

pytestmark = pytest.mark.usefixtures("one_thread")

MODEL = Path(__file__).resolve().parents[4] / "model"
CLASSES = 4
INPUTS = 16
Split = tuple[Tensor, Tensor]


def photos(count: int, spread: float = 1.0, seed: int = 0) -> Split:
    """Clouds of points, one for each class: what features of photos look like."""
    random = torch.Generator().manual_seed(seed)
    centres = torch.randn(CLASSES, INPUTS, generator=torch.Generator().manual_seed(99)) * 1.5
    labels = torch.randint(CLASSES, (count,), generator=random)
    return centres[labels] + spread * torch.randn(count, INPUTS, generator=random), labels


def mlp(
    *, hidden: int = 64, depth: int = 2, activation: type[nn.Module] = nn.ReLU
) -> nn.Sequential:
    torch.manual_seed(1)
    sizes = [INPUTS, *[hidden] * depth]
    layers = [[nn.Linear(a, b), activation()] for a, b in itertools.pairwise(sizes)]
    return nn.Sequential(*itertools.chain(*layers), nn.Linear(hidden, CLASSES))


@dataclass
class Run:
    """A training run; its fields are what can be sick."""

    network: nn.Module = field(default_factory=mlp)
    train: Split = field(default_factory=lambda: photos(512))
    valid: Split = field(default_factory=lambda: photos(256, seed=5))
    learning_rate: float = 0.05
    epochs: int = 8
    batch: int = 32
    optimiser: type[torch.optim.Optimizer] = torch.optim.SGD
    loss: Callable[[Tensor, Tensor], Tensor] = cross_entropy
    slow: float = 0.0  # seconds that a batch takes to load

    def batches(self) -> Iterable[Split]:
        order = torch.split(torch.randperm(len(self.train[0])), self.batch)
        for rows in order:
            time.sleep(self.slow)
            yield self.train[0][rows], self.train[1][rows]

    def score(self, split: Split) -> tuple[float, float]:
        with torch.no_grad():
            logits = self.network(split[0])
            return float(self.loss(logits, split[1])), float(
                (logits.argmax(1) == split[1]).float().mean()
            )

    def watched(self) -> list[Finding]:
        """Train, and return what the watch found."""
        watch = Watch(CLASSES, every=10)
        optimiser = self.optimiser(self.network.parameters(), lr=self.learning_rate)  # type: ignore[call-arg]
        watch.before_training(of_module(self.network))
        try:
            with watch.activations_of(self.network):
                for _ in range(self.epochs):
                    for inputs, labels in watch.timed(self.batches()):
                        optimiser.zero_grad()
                        loss = self.loss(self.network(inputs), labels)
                        loss.backward()  # type: ignore[no-untyped-call]
                        watch.step(loss, of_module(self.network))
                        optimiser.step()
                    (train_loss, train_top1), (valid_loss, valid_top1) = (
                        self.score(self.train),
                        self.score(self.valid),
                    )
                    watch.epoch(train_loss, valid_loss, train_top1, valid_top1)
        except StoppedByRule as stop:
            assert stop.finding == watch.findings[-1]
        return watch.findings


def zero_initialised() -> Run:
    run = Run()
    for layer in run.network.modules():
        if isinstance(layer, nn.Linear):
            nn.init.zeros_(layer.weight)
    return run


def initialised_too_small() -> Run:
    run = Run()
    for layer in run.network.modules():
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=1e-4)
    return run


def nearly_all_units_dead() -> Run:
    run = Run()
    first = run.network.get_submodule("0")
    assert isinstance(first, nn.Linear)
    with torch.no_grad():
        first.bias[:56] = -100
    return run


def saturated_units() -> Run:
    run = Run(mlp(activation=nn.Tanh))
    first = run.network.get_submodule("0")
    assert isinstance(first, nn.Linear)
    with torch.no_grad():
        first.bias[:56] = 100
    return run


def one_broken_photo() -> Run:
    inputs, labels = photos(512)
    inputs[300, 3] = torch.nan
    return Run(train=(inputs, labels))


def logarithm_of_zero() -> Run:
    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        return -(logits * 200).softmax(1).gather(1, labels[:, None]).log().mean()

    return Run(loss=loss)


def shuffled_labels() -> Run:
    inputs, labels = photos(48)
    random = torch.Generator().manual_seed(3)
    return Run(
        mlp(hidden=256),
        train=(inputs, labels[torch.randperm(48, generator=random)]),
        learning_rate=3e-3,
        optimiser=torch.optim.Adam,
        epochs=30,
        batch=16,
    )


def far_too_many_epochs() -> Run:
    return Run(
        mlp(hidden=256),
        train=photos(200, spread=2.5),
        valid=photos(400, spread=2.5, seed=5),
        learning_rate=3e-3,
        optimiser=torch.optim.Adam,
        epochs=40,
    )


SICK: dict[str, tuple[Callable[[], Run], str]] = {
    "zero weights": (zero_initialised, "poor-weight-initialisation"),
    "tiny weights": (initialised_too_small, "poor-weight-initialisation"),
    "learning rate 1e6": (lambda: Run(learning_rate=1e6), "exploding-gradient"),
    "20 sigmoids": (
        lambda: Run(mlp(depth=20, activation=nn.Sigmoid), epochs=5),
        "vanishing-gradient",
    ),
    "dead ReLUs": (nearly_all_units_dead, "dead-activations"),
    "saturated tanh": (saturated_units, "dead-activations"),
    "broken photo": (one_broken_photo, "nan-or-infinity"),
    "log of zero": (logarithm_of_zero, "nan-or-infinity"),
    "learning rate 1e-9": (lambda: Run(learning_rate=1e-9), "loss-not-decreasing"),
    "shuffled labels": (shuffled_labels, "overfit"),
    "too many epochs": (far_too_many_epochs, "overtraining"),
    "slow loader": (lambda: Run(slow=0.03, epochs=2), "starved-device"),
}

STARVED = "starved-device"  # any run is, on a busy machine


@pytest.mark.parametrize("sickness", SICK)
def test_a_sick_run_trips_its_rule_and_no_other(sickness: str) -> None:
    make, rule = SICK[sickness]
    findings = [
        finding for finding in make().watched() if rule == STARVED or finding.rule != STARVED
    ]
    assert [finding.rule for finding in findings] == [rule], [str(finding) for finding in findings]


def test_every_rule_has_its_sick_run() -> None:
    assert {rule for _, rule in SICK.values()} == {rule.name for rule in default_rules()}


@pytest.mark.parametrize(
    "run",
    [
        Run(),
        Run(learning_rate=0.01, optimiser=torch.optim.Adam, epochs=15),
        Run(mlp(activation=nn.Tanh)),
        Run(nn.Linear(INPUTS, CLASSES)),
        Run(mlp(depth=5, hidden=32), learning_rate=0.1),
        Run(train=photos(512, 2.0), valid=photos(256, 2.0, seed=5)),
    ],
    ids=["sgd", "adam", "tanh", "head only", "deeper", "hard"],
)
def test_a_healthy_run_trips_none(run: Run) -> None:
    findings = [str(finding) for finding in run.watched() if finding.rule != STARVED]
    assert findings == []


@pytest.mark.parametrize("backbone", ["pretrained", "resnet18", "convnext_atto"])
def test_real_networks_are_healthy_before_and_in_training(backbone: str, network: Network) -> None:
    # depthwise kernels, residual branches and layer scales that start at zero, ReLU6
    torch.manual_seed(0)
    pretrained = backbone == "pretrained"
    trained = copy.deepcopy(network.backbone) if pretrained else timm.create_model(backbone)
    trained.train()
    watch = Watch(every=2)
    watch.before_training(of_module(trained))
    optimiser = torch.optim.SGD(trained.parameters(), lr=1e-3)
    with watch.activations_of(trained):
        for _ in range(7):
            optimiser.zero_grad()
            loss = cross_entropy(trained(torch.randn(4, 3, 64, 64)), torch.arange(4))
            loss.backward()  # type: ignore[no-untyped-call]
            watch.step(loss, of_module(trained))
            optimiser.step()
    assert [str(finding) for finding in watch.findings] == []


def head_run(watch: Watch, learning_rate: float, steps: int = 60) -> None:
    """A linear head in NumPy, as a fit on kept features does it: a step an epoch."""
    inputs, labels = (part.numpy() for part in photos(512))
    truth = np.eye(CLASSES, dtype=np.float32)[labels]
    weights = np.zeros((CLASSES, INPUTS), np.float32)
    watch.before_training([("head.weight", weights, None)])
    for _ in range(steps):
        logits = inputs @ weights.T
        logits -= logits.max(axis=1, keepdims=True)
        said = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        loss = float(-np.log(np.maximum((said * truth).sum(axis=1), 1e-30)).mean())
        gradient = (said - truth).T @ inputs / len(inputs)
        watch.step(loss, [("head.weight", weights, gradient)])
        weights = weights - learning_rate * gradient
        watch.epoch(loss, loss, 0.9, 0.9)


def test_a_head_in_numpy_is_watched_too() -> None:
    healthy, sick = Watch(CLASSES), Watch(CLASSES)
    head_run(healthy, learning_rate=0.1)
    assert healthy.findings == []
    head_run(sick, learning_rate=1e-9)
    assert [finding.rule for finding in sick.findings] == ["loss-not-decreasing"]


def test_watching_arrays_imports_no_torch() -> None:
    code = (
        "import sys, numpy as np; from dogbreeds.watch.watch import Watch; w = Watch();"
        "w.before_training([('a', np.ones((2, 2)), None)]);"
        "w.step(1.0, [('a', np.ones((2, 2)), np.ones((2, 2)))]);"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=MODEL, check=True)


def test_a_stop_says_what_was_found_and_what_to_do() -> None:
    watch = Watch(report=lambda _: None)
    gradient = np.array([[1.0, np.nan]])
    with pytest.raises(StoppedByRule, match=r"nan-or-infinity at step 1 in head: 1 .*broken photo"):
        watch.step(2.3, [("head", np.ones((1, 2)), gradient)])
    assert watch.findings[0].action == "stop"


@pytest.mark.parametrize("kind", [np.array, torch.tensor])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_one_value_among_many_is_seen(kind: Callable[..., Any], bad: float) -> None:
    for weight, gradient in (([1.0, bad, 3.0], [1.0, 1, 1]), ([1.0, 1, 1], [1.0, bad, 3.0])):
        with pytest.raises(StoppedByRule, match="nan-or-infinity"):
            Watch(report=lambda _: None).step(1.0, [("layer", kind(weight), kind(gradient))])


def test_an_action_can_be_replaced_and_must_name_a_rule() -> None:
    watch = Watch(actions={"nan-or-infinity": "warn"}, report=lambda _: None)
    watch.step(math.nan)
    assert [finding.action for finding in watch.findings] == ["warn"]
    with pytest.raises(ValueError, match="No rule is called 'nan', expected one of poor-weight"):
        Watch(actions={"nan": "warn"})


def test_a_finding_is_reported_once_and_is_json() -> None:
    reported: list[Finding] = []
    watch = Watch(actions={"exploding-gradient": "warn"}, report=reported.append)
    for _ in range(4):
        watch.step(1.0, [("layer", np.ones((2, 2)), np.full((2, 2), 1e30))])
    assert watch.findings == reported
    assert len(reported) == 1
    fields = json.loads(json.dumps(reported[0].as_json(), allow_nan=False))
    assert fields["rule"] == "exploding-gradient"
    assert fields["value"] == pytest.approx(2e30)
    unmeasured = dataclasses.replace(reported[0], value=math.inf)
    assert unmeasured.as_json()["value"] is None


def test_parameters_are_read_in_few_steps_only() -> None:
    read: list[int] = []

    def parameters(step: int) -> Iterator[tuple[str, Array, Array]]:
        read.append(step)
        yield "layer", np.ones((2, 2)), np.ones((2, 2))

    watch = Watch(every=50)
    for step in range(1, 201):
        watch.step(1.0, parameters(step))
    assert read == [1, 2, 4, 8, 16, 32, 50, 100, 150, 200]


def test_losses_stay_on_their_device_between_looks() -> None:
    class Loss(torch.Tensor):
        """A loss that counts how often somebody waits for its value."""

        waits = 0

        def __float__(self) -> float:
            Loss.waits += 1
            return super().__float__()

        def tolist(self) -> Any:
            Loss.waits += 1
            return super().tolist()

        def item(self) -> Any:
            Loss.waits += 1
            return super().item()

    watch = Watch(every=50)
    for _ in range(50):
        watch.step(torch.ones(()).as_subclass(Loss))
    assert Loss.waits == 7  # at the steps of the test above, once each


def test_a_device_that_is_behind_is_not_starved() -> None:
    starved = StarvedDevice()
    assert starved.window(Window(steps=50, wait=9.0, work=1.0, behind=False)) == (0.9, "data")
    assert starved.window(Window(steps=50, wait=9.0, work=1.0, behind=True)) is None
    assert starved.window(Window(steps=50, wait=0.09, work=0.01, behind=False)) is None


def test_the_document_has_every_rule_with_its_threshold_and_action() -> None:
    lines = (MODEL.parent / "docs" / "watch.md").read_text().splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line[:1] == "|"]
    row_of = {row[0]: row for row in cells}
    for rule in default_rules():
        _, _, threshold, action = row_of[rule.name]
        assert f"{rule.threshold:g}" in threshold or rule.threshold == 0
        assert action == rule.action
