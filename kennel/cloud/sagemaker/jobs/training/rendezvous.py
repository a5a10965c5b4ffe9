"""Start the toolkit in a training process of a job of several hosts.

AWS's toolkit uses port 7777 of the first host for the rendezvous. On one machine another job may
have that port, so each job gets its own.
"""

import os

from sagemaker_pytorch_container import training
from sagemaker_training import torch_distributed


def main() -> None:
    """Train as AWS's PyTorch container does, with this job's own rendezvous port."""
    training.MASTER_PORT = torch_distributed.MASTER_PORT = os.environ["KENNEL_MASTER_PORT"]
    training.main()
