"""Train the whole network, not its head alone: `train.py --finetune` (docs/training.md).

`recipes` holds all settings, train.py calls `run`, and `loop` trains.
"""
