"""Measure the seconds to a given top-1 on valid: fine-tuning against torchvision's recipe.

    python bench/to_accuracy.py --data FOLDER --accuracy 0.9     # one GPU; at most 20 minutes each

It has not been run on a GPU yet, so there are no figures. tests/model/test_to_accuracy.py runs it
on a CPU with a tiny network, which tests its logic only.

`model/train.py --finetune` is timed from its start, with audit and head, to the first epoch (of the
head or the network) whose top-1 on valid is high enough. The rival is torchvision's
references/classification/train.py with its defaults: SGD of 0.1 for 256 photos and in proportion
for fewer, momentum 0.9, weight decay 1e-4, a tenth after 30 epochs, random crops of 224 and
mirroring, the centre of 256 on valid, fp32, 16 workers. Its imports are not counted. Both start
from the same backbone. FOLDER has train/ and valid/. The last line is JSON; null: not reached.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from torchvision import datasets, transforms

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "model"))

from dogbreeds.network.weights import load_backbone

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 1200.0  # s
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def kennel_seconds(data: Path, accuracy: float, flags: list[str], limit: float) -> float | None:
    """Return the seconds until train.py reaches `accuracy`; None if not within `limit`."""
    script, began = ROOT / "model" / "train.py", time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kennel-bench-") as name:
        command = [sys.executable, str(script), "--data", str(data), "--finetune", *flags]
        command += ["--accept", "seen-by-backbone"]
        command += ["--out", f"{name}/out", "--cache", f"{name}/cache"]
        with subprocess.Popen(["timeout", f"{limit}", *command], stdout=subprocess.PIPE) as process:
            assert process.stdout
            for line in process.stdout:
                match = re.search(rb"valid:top1=([\d.]+)", line)
                if match and float(match[1]) >= accuracy:
                    process.terminate()
                    return time.monotonic() - began
        if process.returncode not in {0, 124}:  # 124: the timeout was reached
            sys.exit("train.py failed; its message is above.")
    return None


def torchvision_seconds(  # noqa: PLR0917  # its own command line has forty
    data: Path,
    accuracy: float,
    backbone: str,
    weights: Path | None,
    size: int,
    batch: int,
    limit: float,
) -> float | None:
    """Return the seconds until torchvision's recipe reaches `accuracy`, or None after `limit`."""
    began, workers = time.monotonic(), min(16, len(os.sched_getaffinity(0)))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    end = [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    crop = [transforms.RandomResizedCrop(size), transforms.RandomHorizontalFlip(), *end]
    whole = [transforms.Resize(round(size * 256 / 224)), transforms.CenterCrop(size), *end]
    train = datasets.ImageFolder(str(data / "train"), transforms.Compose(crop))
    valid = datasets.ImageFolder(str(data / "valid"), transforms.Compose(whole))
    loader = partial(torch.utils.data.DataLoader, batch_size=batch, num_workers=workers)
    network = load_backbone(backbone, weights).module
    network.reset_classifier(len(train.classes))  # type: ignore[operator]  # timm's method
    network.to(device)
    optimiser = torch.optim.SGD(
        network.parameters(), lr=0.1 * batch / 256, momentum=0.9, weight_decay=1e-4
    )
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, 30, 0.1)
    while time.monotonic() - began < limit:
        network.train()
        for photos, labels in loader(train, shuffle=True, pin_memory=device.type == "cuda"):
            loss = cross_entropy(network(photos.to(device)), labels.to(device))
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
        schedule.step()
        network.eval()
        with torch.inference_mode():
            correct = [(network(p.to(device)).argmax(1).cpu() == t).sum() for p, t in loader(valid)]
        if int(torch.stack(correct).sum()) >= accuracy * len(valid):
            return time.monotonic() - began
    return None


def main() -> None:
    """Time both, one after the other, and print the line of JSON."""
    parser = argparse.ArgumentParser(description="Seconds to a given accuracy.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--accuracy", type=float, default=0.9, help="top-1 on valid, 0..1")
    parser.add_argument("--backbone", default="tf_efficientnet_lite2")
    parser.add_argument("--backbone-weights", type=Path, help="a file, as of train.py")
    parser.add_argument("--size", type=int, default=224, help="of the rival, pixels")
    parser.add_argument("--batch", type=int, default=128, help="of the rival, photos")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds for each")
    arguments, flags = parser.parse_known_args()  # the others are train.py's
    data, accuracy, limit = arguments.data, arguments.accuracy, arguments.limit
    backbone, weights = arguments.backbone, arguments.backbone_weights
    flags += ["--backbone", backbone]
    flags += ["--backbone-weights", str(weights)] if weights else []
    kennel = kennel_seconds(data, accuracy, flags, limit)
    rival = torchvision_seconds(
        data, accuracy, backbone, weights, arguments.size, arguments.batch, limit
    )
    result = {"accuracy": accuracy, "seconds": kennel, "torchvision_seconds": rival}
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "processor"
    print(json.dumps(result | {"device": device}))


if __name__ == "__main__":
    main()
