"""The rules of the watch: what each checks, its threshold, and what to do when it is exceeded.

They replace SageMaker Debugger's built-in rules, which are closed to new customers. Every threshold
has its unit and reason beside it. A rule keeps state of one run, so each run needs new rules, from
`default_rules`.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from dogbreeds.watch.signals import Layer, Weight

Action: TypeAlias = Literal["warn", "stop"]
Violation: TypeAlias = tuple[
    float, str
]  # the value beyond the threshold, and where it was measured


@dataclass(frozen=True)
class Check:
    """The measurements of a step that is checked."""

    losses: list[float]  # of the steps since the last check
    layers: list[Layer]
    dead: dict[str, float]  # share of dead units by activation layer


@dataclass(frozen=True)
class Epoch:
    """An epoch's mean losses for each photo, and its accuracies in 0..1."""

    steps: int  # since training began
    train_loss: float
    valid_loss: float
    train_top1: float
    valid_top1: float


@dataclass(frozen=True)
class Window:
    """How long the steps since the last check waited and worked, in seconds."""

    steps: int
    wait: float  # for data
    work: float
    behind: bool  # the device had a step's work or more left, so it was not idle


class Rule:
    """Check for one fault of a training. A subclass overrides the events that it checks."""

    name: ClassVar[str]
    threshold: ClassVar[float]
    unit: ClassVar[str]  # of the threshold and of the measured values
    advice: ClassVar[str]
    action: Action = "warn"
    explains: ClassVar[frozenset[str]] = frozenset()  # rules that the same fault would violate too

    def start(self, weights: list[Weight]) -> Violation | None:
        """Check the parameters before the first step."""
        return None

    def check(self, check: Check) -> Violation | None:
        """Check a step."""
        return None

    def epoch(self, epoch: Epoch) -> Violation | None:
        """Check the end of an epoch."""
        return None

    def window(self, window: Window) -> Violation | None:
        """Check how long the steps waited for data."""
        return None


class PoorInitialisation(Rule):
    """Hidden units that are all equal, or weights of a scale that no signal passes."""

    name = "poor-weight-initialisation"
    threshold = 0.01
    unit = "standard deviation of a layer's weights x sqrt(inputs)"
    advice = (
        "Initialise hidden layers at random with a scale of 1/sqrt(inputs), as PyTorch does, or "
        "start from pretrained weights."
    )
    explains = frozenset({"dead-activations", "loss-not-decreasing", "vanishing-gradient"})
    # 0.58 is PyTorch's default for a linear layer and 1.41 He's. Below 0.01 a layer passes under a
    # hundredth of its signal on; all-equal weights give 0, and their units learn the same for ever.
    LARGEST = 100.0  # the same for weights that are too large

    def start(self, weights: list[Weight]) -> Violation | None:
        """Check matrices and kernels; an output layer may start at zero, as is usual."""
        # one unit: a transformer's tokens and positions, which start near zero by design
        matrices = [weight for weight in weights if weight.dims > 1 and weight.units > 1]
        for weight in matrices[:-1]:
            scale = weight.std * math.sqrt(weight.fan_in)
            if not self.threshold <= scale <= self.LARGEST:
                return scale, weight.name
        return None


class NotFinite(Rule):
    """A NaN or an infinity in loss, weights or gradients."""

    name = "nan-or-infinity"
    threshold = 0.0
    unit = "losses or layers with a NaN or an infinity"
    advice = (
        "Nothing can be learned after this. Look for a broken photo or label, a division by zero "
        "or the logarithm of zero; then lower the learning rate."
    )
    action: Action = "stop"

    def check(self, check: Check) -> Violation | None:
        """Count losses and layers that are not finite."""
        bad = [
            layer.name
            for layer in check.layers
            if not (math.isfinite(layer.weight_max) and math.isfinite(layer.gradient_max))
        ]
        losses = sum(not math.isfinite(loss) for loss in check.losses)
        if not bad and not losses:
            return None
        return float(len(bad) + losses), bad[0] if bad else "loss"

    def epoch(self, epoch: Epoch) -> Violation | None:
        """Count losses that are not finite."""
        losses = {"train loss": epoch.train_loss, "valid loss": epoch.valid_loss}
        bad = [name for name, loss in losses.items() if not math.isfinite(loss)]
        return (float(len(bad)), bad[0]) if bad else None


class ExplodingGradient(Rule):
    """A gradient so large that a step along it undoes all that was learned."""

    name = "exploding-gradient"
    threshold = 1e4  # training that works has norms of 0.01 to 100, and clipping is set to 1 to 10
    unit = "L2 norm of all gradients"
    advice = "Lower the learning rate tenfold, or clip the gradient's norm at 1."
    action: Action = "stop"

    def check(self, check: Check) -> Violation | None:
        """Compute the norm of all gradients together, after any loss scaling was undone."""
        # hypot: squares of float32's largest values would overflow on the way
        norm = math.hypot(*(layer.gradient_rms * math.sqrt(layer.size) for layer in check.layers))
        if not norm > self.threshold:
            return None
        return norm, max(check.layers, key=_gradient).name


class VanishingGradient(Rule):
    """Early layers that get almost no gradient."""

    name = "vanishing-gradient"
    threshold = 1e-6  # ResNet, EfficientNet, ConvNeXt and ViT stay above 1e-3, 20 sigmoids at 1e-10
    unit = "strongest RMS gradient in the first third of the layers / in all of them"
    advice = (
        "Use ReLU-like activations with residual connections or batch normalisation, or train "
        "the last layers only: the first learn nothing."
    )
    explains = frozenset({"loss-not-decreasing"})
    CHECKS = 3  # in a row; one batch may be odd

    def __init__(self) -> None:
        self._in_a_row = 0

    def check(self, check: Check) -> Violation | None:
        """Compare early layers with all, in the order of the parameters.

        The strongest of several, since branches that start at zero (ResNet's last normalisations,
        ConvNeXt's layer scale) leave single layers without a gradient and are healthy. Gradients
        of exactly zero are those of dead or unused layers, which another rule checks.
        """
        matrices = [layer for layer in check.layers if layer.dims > 1]
        early = max(matrices[: max(1, len(matrices) // 3)], key=_gradient, default=None)
        if early is None or early.gradient_rms == 0:
            return None
        ratio = early.gradient_rms / max(map(_gradient, matrices))
        self._in_a_row = self._in_a_row + 1 if ratio < self.threshold else 0
        return (ratio, early.name) if self._in_a_row == self.CHECKS else None


class DeadActivations(Rule):
    """A layer most of whose units have the same output for every photo."""

    name = "dead-activations"
    threshold = 0.7  # ReLU layers that learn well have up to half their units silent on a batch
    unit = "share of a layer's units that were silent or saturated in three batches"
    advice = (
        "Lower the learning rate, start biases at zero, or use LeakyReLU: dead units get no "
        "gradient and do not come back."
    )
    explains = frozenset({"loss-not-decreasing"})

    def check(self, check: Check) -> Violation | None:
        """Check the worst layer."""
        worst = max(check.dead, key=check.dead.__getitem__, default="")
        return (check.dead[worst], worst) if worst and check.dead[worst] > self.threshold else None


class LossNotDecreasing(Rule):
    """Training whose loss is no lower than at the start."""

    name = "loss-not-decreasing"
    threshold = 0.05  # a tenth of what one useful epoch brings; batches differ by about this much
    unit = "fall of the train loss since the first step, as a share of it"
    advice = (
        "Check that labels belong to their photos and that the learning rate is between 1e-5 and "
        "1e-1: too small learns nothing, too large jumps about."
    )
    EPOCHS = 5  # in a row
    STEPS = 50  # with a step an epoch, five epochs say little
    LEARNT = 0.5  # of the loss of guessing; a warm start below it has little left to fall

    def __init__(self, classes: int | None = None) -> None:
        self._guessing = math.log(classes) if classes else math.inf
        self._first: float | None = None
        self._in_a_row = 0

    def check(self, check: Check) -> Violation | None:
        """Store the loss of the first step."""
        if self._first is None and check.losses:
            self._first = check.losses[0]
        return None

    def epoch(self, epoch: Epoch) -> Violation | None:
        """Compare with the first step's loss."""
        if self._first is None:
            self._first = epoch.train_loss
            return None
        if math.isinf(self._guessing):
            self._guessing = self._first
        fall = 1 - epoch.train_loss / self._first if self._first else 0.0
        stuck = fall < self.threshold and epoch.train_loss > self.LEARNT * self._guessing
        self._in_a_row = self._in_a_row + 1 if stuck else 0
        enough = self._in_a_row >= self.EPOCHS and epoch.steps >= self.STEPS
        return (fall, "train loss") if enough else None


class Overfit(Rule):
    """Training photos that are memorised: valid is far less accurate than train."""

    name = "overfit"
    threshold = 0.3  # breeds that differ little leave gaps of 0.2 in runs that cannot be bettered
    unit = "train top-1 - valid top-1"
    advice = (
        "Check that labels belong to their photos; add photos, augmentation or weight decay, or "
        "train the head only."
    )
    explains = frozenset({"overtraining"})
    EPOCHS = 3  # in a row

    def __init__(self) -> None:
        self._in_a_row = 0

    def epoch(self, epoch: Epoch) -> Violation | None:
        """Compare the two splits."""
        gap = epoch.train_top1 - epoch.valid_top1
        self._in_a_row = self._in_a_row + 1 if gap > self.threshold else 0
        return (gap, "top-1") if self._in_a_row == self.EPOCHS else None


class Overtraining(Rule):
    """Training that continues long after its best epoch."""

    name = "overtraining"
    threshold = 1.1  # below it is the noise of a valid split of a few hundred photos
    unit = "valid loss / its best"
    advice = "Train for fewer epochs, or keep the weights of the best epoch; the rest costs money."
    EPOCHS = 5  # in a row; one bad epoch at a high learning rate is mended by the next
    RISE = 0.02  # nats; where the loss is near 0, a tenth more of it is nothing

    def __init__(self) -> None:
        self._best, self._in_a_row = math.inf, 0

    def epoch(self, epoch: Epoch) -> Violation | None:
        """Compare with the best epoch."""
        self._best = min(self._best, epoch.valid_loss)
        worse = epoch.valid_loss > max(self._best * self.threshold, self._best + self.RISE)
        self._in_a_row = self._in_a_row + 1 if worse else 0
        ratio = epoch.valid_loss / max(self._best, 1e-9)
        return (ratio, "valid loss") if self._in_a_row == self.EPOCHS else None


class StarvedDevice(Rule):
    """A device that waits for photos most of the time."""

    name = "starved-device"
    threshold = 0.5  # at half, the same run costs twice
    unit = "share of the time spent waiting for data"
    advice = "Use more loader workers, decode photos once and keep them, or take a smaller device."
    STEPS = 8  # the first steps of an epoch always wait for workers to start
    SECONDS = 0.25  # less waiting than this in a window does not matter

    def window(self, window: Window) -> Violation | None:
        """Compute the share of waiting since the last check."""
        share = window.wait / max(window.wait + window.work, 1e-9)
        enough = window.steps >= self.STEPS and window.wait >= self.SECONDS
        return (share, "data") if enough and share > self.threshold and not window.behind else None


def _gradient(layer: Layer) -> float:
    return layer.gradient_rms


def default_rules(classes: int | None = None) -> list[Rule]:
    """Return a new instance of every rule, in the order in which they are applied.

    Parameters
    ----------
    classes : int, optional
        Number of breeds, from which the loss of guessing follows.
    """
    return [
        PoorInitialisation(),
        NotFinite(),
        ExplodingGradient(),
        VanishingGradient(),
        DeadActivations(),
        LossNotDecreasing(classes),
        Overfit(),
        Overtraining(),
        StarvedDevice(),
    ]
