"""A fine-tuning whose memory test_memory.py reads: FOLDER HOST_GB PHOTOS, told as JSON."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from dogbreeds.finetune.cache import whole_view
from dogbreeds.finetune.loop import LabelledPixels, fit
from dogbreeds.finetune.pixels import open_pixels
from tests.model.dogbreeds.finetune.tiny import BREEDS, RECIPE, job
from tests.model.pictures import picture, saved, write

VIEW = whole_view(256)  # 0.2 MB a photo


def peak() -> int:
    """Bytes of memory that this process has had at most."""
    text = Path("/proc/self/status").read_text()
    return 1024 * int(text[text.index("VmHWM:") :].split()[1])


def main() -> None:
    folder, host_gb, count = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    work = job(folder, replace(RECIPE, epochs=1))
    fit(work)  # a small set first: what the network itself takes
    paths = [
        write(folder / "many" / f"{number}.jpg", saved(picture(number, (64, 48))))
        for number in range(count)
    ]
    cpu = torch.device("cpu")
    pixels = open_pixels(
        paths, VIEW, cache=folder / "cache", device=cpu, threads=2, host_gb=host_gb
    )
    before = peak()
    labels = np.arange(count, dtype=np.int64) % BREEDS
    fit(replace(work, train=LabelledPixels(pixels, labels), teacher_probs=None, key="many"))
    print(json.dumps({"source": type(pixels).__name__, "grown": peak() - before}))


if __name__ == "__main__":
    main()
