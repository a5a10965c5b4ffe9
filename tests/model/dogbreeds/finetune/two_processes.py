"""One of two processes that torchrun starts for test_loop.py: FOLDER MIXUP."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import torch

from dogbreeds.finetune.distributed import join_process_group
from dogbreeds.finetune.loop import fit
from dogbreeds.finetune.plan import Plan
from tests.model.dogbreeds.finetune.tiny import RECIPE, job


def main() -> None:
    folder, mixup = Path(sys.argv[1]), float(sys.argv[2])
    torch.set_num_threads(1)
    with join_process_group(os.environ) as world:
        recipe = replace(RECIPE, mixup=mixup)
        # a cache each: here the processes are tested, not the cache that they could share
        work = job(folder / str(world.rank), recipe, world)
        found = fit(work)
        plan = Plan(14, recipe.batch_size, recipe.seed, world.rank, world.size)
        told = {
            "train": [entry.train_loss for entry in found.history],
            "valid": [entry.valid_loss for entry in found.history],
            "first_batch": plan.epoch(0)[0],
        }
        (folder / f"{world.rank}.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main()
