"""Measure the time that the watch over training adds to a step, and whether a GPU waits for it.

    python bench/watch_cost.py    # a head; ResNet-50 on a GPU, or a MobileNet: about 2 min

Each figure is the best of rounds that alternate with and without the watch. On a GPU all steps then
run under PyTorch's synchronisation check: only the steps that the watch inspects may wait. The last
line is JSON.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import timm
import torch
from torch import nn
from torch.nn.functional import cross_entropy

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "model"))

from dogbreeds.watch.watch import EVERY, Watch, of_module

ROUNDS = 3


def trainer(
    network: nn.Module, photos: torch.Tensor, labels: torch.Tensor
) -> Callable[[Watch | None, int], tuple[float, float]]:
    """Return a function that trains, and returns the seconds a step: in all and in the watch."""
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-4)

    def train(watch: Watch | None, steps: int) -> tuple[float, float]:
        inside = 0.0
        drain(photos)
        began = time.perf_counter()
        for _ in range(steps):
            optimiser.zero_grad(set_to_none=True)
            loss = cross_entropy(network(photos), labels)
            torch.autograd.backward(loss)
            if watch:
                entered = time.perf_counter()
                watch.step(loss, of_module(network))
                inside += time.perf_counter() - entered
            optimiser.step()
        drain(photos)
        return (time.perf_counter() - began) / steps, inside / steps

    return train


def drain(photos: torch.Tensor) -> None:
    """Wait until the photos' device is idle."""
    if photos.device.type == "cuda":
        torch.cuda.synchronize()


def compare(network: nn.Module, photos: torch.Tensor, steps: int) -> dict[str, Any]:
    """Time steps with and without the watch alternately; `steps` is a multiple of EVERY."""
    labels = torch.arange(len(photos), device=photos.device) % 10
    train = trainer(network.train(), photos, labels)
    watch = Watch(report=lambda _: None)
    plain, watched, inside = [], [], []
    with watch.activations_of(network):
        train(watch, EVERY)  # the watch inspects the first steps more often
    for _ in range(ROUNDS):
        plain.append(train(None, steps)[0])
        with watch.activations_of(network):
            whole, part = train(watch, steps)
        watched.append(whole)
        inside.append(part)
    without, with_it, within = min(plain), min(watched), min(inside)
    result = {
        "parameters": sum(value.numel() for value in network.parameters()),
        "step_ms": round(1000 * without, 3),
        "watched_step_ms": round(1000 * with_it, 3),
        "cost": round(with_it / without - 1, 4),
        "findings": [finding.rule for finding in watch.findings],
    }
    # On a GPU the time inside is mostly that of work queued before, so the difference is the cost.
    if photos.device.type == "cpu":
        result |= {"inside_us_a_step": round(1e6 * within, 1), "cost": round(within / without, 4)}
    return result


def waits(network: nn.Module, photos: torch.Tensor) -> int:
    """Count the steps, of 3 * EVERY, in which something waited for the GPU."""
    labels = torch.arange(len(photos), device=photos.device) % 10
    train = trainer(network.train(), photos, labels)
    watch = Watch(report=lambda _: None)
    train(watch, EVERY)
    waited = 0
    # PyTorch's check does not see every kind of wait; it sees copies, which the watch would make.
    warnings.filterwarnings("ignore", "Synchronization debug mode", UserWarning)
    with watch.activations_of(network):
        for step in range(EVERY + 1, 4 * EVERY + 1):
            torch.cuda.set_sync_debug_mode("error")
            try:
                _train_step(network, photos, labels, watch)
            except RuntimeError as error:
                if "synchroniz" not in str(error):
                    raise
                waited += 1
                assert step % EVERY == 0, f"step {step} waited for the GPU"
            finally:
                torch.cuda.set_sync_debug_mode("default")
    return waited


def _train_step(
    network: nn.Module, photos: torch.Tensor, labels: torch.Tensor, watch: Watch
) -> None:
    loss = cross_entropy(network(photos), labels)
    torch.autograd.backward(loss)
    watch.step(loss, of_module(network))


def main() -> None:
    """Measure on the GPU, if there is one, and print the line of JSON."""
    torch.manual_seed(0)
    torch.set_num_threads(1)  # such small tensors gain nothing from more
    features, head = torch.randn(64, 1280), nn.Linear(1280, 133)
    result: dict[str, Any] = {"every": EVERY, "head": compare(head, features, 2 * EVERY)}
    gpu = torch.cuda.is_available()
    device = torch.device("cuda" if gpu else "cpu")
    network: nn.Module = timm.create_model("resnet50" if gpu else "mobilenetv3_small_100").to(
        device
    )
    photos = torch.randn(64, 3, 224, 224) if gpu else torch.randn(4, 3, 64, 64)
    photos = photos.to(device)
    result["network"] = compare(network, photos, 2 * EVERY if gpu else EVERY)
    result["device"] = torch.cuda.get_device_name() if gpu else "cpu"
    if gpu:
        result["steps_that_waited"] = waits(network, photos)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
