"""The whole network trained, not its head alone: `train.py --finetune` (docs/training.md).

`recipes` holds all settings, `run` is what train.py calls, `loop` is the training itself.
"""
