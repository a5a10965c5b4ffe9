"""Measure a training run for the watch: a few numbers for each layer, from NumPy or PyTorch.

All numbers of a check are copied from the device at once: a copy for each would stop a GPU hundreds
of times.
"""

import math
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # a head is fitted without PyTorch, whose import takes seconds
    from torch import Tensor, nn

Array: TypeAlias = "NDArray[Any] | Tensor"
Parameters: TypeAlias = "Iterable[tuple[str, Array, Array | None]]"  # name, weight, gradient if any
Number: TypeAlias = "float | Tensor"  # a tensor of one value is copied from its device only by read

SATURATED = 0.01  # a sigmoid or tanh this near to its bounds lets under 1 % of a gradient through
BATCHES = 3  # a unit silent in all of the last three batches is dead; in one it may be chance


@dataclass(frozen=True)
class Weight:
    """A parameter before training."""

    name: str
    dims: int
    units: int  # outputs
    fan_in: int  # inputs of one of them
    std: float


@dataclass(frozen=True)
class Layer:
    """A parameter and its gradient at one step; numbers of a gradient that is not there are 0."""

    name: str
    dims: int
    size: int  # number of values
    weight_max: float  # largest magnitude; NaN or infinite if any value is
    gradient_max: float
    gradient_rms: float


def weights(parameters: Parameters) -> list[Weight]:
    """Measure parameters before training."""
    measured = []
    for name, value, _ in parameters:
        units = value.shape[0] if value.ndim else 1
        fan_in = math.prod(value.shape) // max(units, 1)
        if isinstance(value, np.ndarray):
            std = float(value.std())
        else:
            std = float(value.detach().float().std(correction=0))
        measured.append(Weight(name, value.ndim, units, fan_in, std))
    return measured


def layers(parameters: Parameters) -> list[Layer]:
    """Measure parameters and their gradients."""
    shapes: list[tuple[str, int, int]] = []
    numbers: list[Number] = []
    for name, value, gradient in parameters:
        shapes.append((name, value.ndim, math.prod(value.shape)))
        numbers.append(_largest(value))
        numbers += [0.0, 0.0] if gradient is None else [_largest(gradient), _rms(gradient)]
    values = iter(read(numbers))
    return [Layer(*shape, next(values), next(values), next(values)) for shape in shapes]


def read(numbers: "Iterable[Number]") -> list[float]:
    """Turn numbers into floats, with one copy from the device for all that are tensors."""
    numbers = list(numbers)
    tensors = [number for number in numbers if not isinstance(number, int | float | np.number)]
    if not tensors:
        return [float(number) for number in numbers]
    import torch  # noqa: PLC0415  # the tensors' owner has imported it

    copied = iter(torch.stack([tensor.detach().float().reshape(()) for tensor in tensors]).tolist())
    return [
        float(number) if isinstance(number, int | float | np.number) else next(copied)
        for number in numbers
    ]


def of_module(module: "nn.Module") -> "Iterator[tuple[str, Array, Array | None]]":
    """Yield name, weight and gradient of each parameter that is trained."""
    for name, value in module.named_parameters():
        if value.requires_grad:
            yield name, value.detach(), value.grad


class Activations:
    """Record which units of a module's activation layers were silent in the last checked batches.

    Only layers that are modules (`nn.ReLU`) are recorded; a call like `F.relu` cannot be hooked.
    """

    def __init__(self) -> None:
        self._dead: dict[str, deque[Tensor]] = defaultdict(lambda: deque(maxlen=BATCHES))

    @contextmanager
    def attached(self, module: "nn.Module", wanted: Callable[[], bool]) -> Iterator[None]:
        """Record `module`'s activations while the block runs, in batches for which `wanted()`."""
        from torch import nn  # noqa: PLC0415

        tests: dict[type[nn.Module], Callable[[Tensor], Tensor]] = {
            nn.ReLU: lambda out: out > 0,
            nn.ReLU6: lambda out: out > 0,
            nn.Hardswish: lambda out: out != 0,
            nn.Sigmoid: lambda out: (out > SATURATED) & (out < 1 - SATURATED),
            nn.Tanh: lambda out: out.abs() < 1 - SATURATED,
        }

        def hook(name: str) -> "Callable[[nn.Module, Any, Tensor], None]":
            def record(layer: "nn.Module", _: Any, out: "Tensor") -> None:
                if layer.training and wanted():
                    self._record(name, tests[type(layer)](out.detach()))

            return record

        handles = [
            layer.register_forward_hook(hook(name))
            for name, layer in module.named_modules()
            if type(layer) in tests
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def shares(self) -> dict[str, float]:
        """Return the share of dead units by layer, for layers with ``BATCHES`` batches."""
        if not self._dead:
            return {}
        import torch  # noqa: PLC0415

        ready = {name: list(dead) for name, dead in self._dead.items() if len(dead) == BATCHES}
        values = read([torch.stack(dead).all(dim=0).float().mean() for dead in ready.values()])
        return dict(zip(ready, values, strict=True))

    def _record(self, name: str, alive: "Tensor") -> None:
        units = 1 if alive.ndim in {2, 4} else alive.ndim - 1  # [B, n], [B, n, h, w]; else last
        self._dead[name].append(~alive.movedim(units, 0).flatten(1).any(dim=1))


def _largest(value: Array) -> Number:
    if isinstance(value, np.ndarray):
        low, high = (
            float(value.min()),
            float(value.max()),
        )  # NumPy's keep a NaN, Python's max may not
        return low if math.isnan(low) else max(high, -low)
    import torch  # noqa: PLC0415

    return cast("Tensor", torch.linalg.vector_norm(value.detach(), math.inf))


def _rms(value: Array) -> Number:
    if isinstance(value, np.ndarray):
        flat = value.ravel()
        with np.errstate(all="ignore"):  # a NaN or an infinity is a finding, not a warning
            return math.sqrt(float(np.dot(flat, flat)) / flat.size)
    import torch  # noqa: PLC0415

    return cast(
        "Tensor", torch.linalg.vector_norm(value.detach().float()) / math.sqrt(value.numel())
    )
