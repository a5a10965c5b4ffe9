"""Load the classifier; AWS's defaults do the rest."""

from pathlib import Path

import torch
from torch import nn


def model_fn(model_dir: str) -> nn.Module:
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    network.load_state_dict(torch.load(Path(model_dir, "model.pth")))
    return network
