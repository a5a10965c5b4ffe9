"""Train a linear classifier of small pictures, as a user of AWS's script mode writes it."""

import argparse
import os
from pathlib import Path

import numpy as np
import torch
from torch import nn


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--epochs", type=int, default=2)
    arguments.add_argument("--lr", type=float, default=0.1)
    arguments.add_argument("--model-dir", default=os.environ["SM_MODEL_DIR"])
    arguments.add_argument("--train", default=os.environ["SM_CHANNEL_TRAINING"])
    options = arguments.parse_args()
    data = np.load(next(Path(options.train).rglob("*.npz")))
    pictures, labels = torch.tensor(data["x"]), torch.tensor(data["y"])
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    optimizer = torch.optim.SGD(network.parameters(), options.lr)
    for _ in range(options.epochs):
        loss = nn.functional.cross_entropy(network(pictures), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"Test set: Average loss: {loss.item():.4f}", flush=True)
    torch.save(network.state_dict(), Path(options.model_dir, "model.pth"))


if __name__ == "__main__":
    main()
