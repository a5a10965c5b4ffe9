"""The toolkit's entry for a job of several hosts, run inside a training process.

AWS's toolkit gathers the hosts on port 7777 of the first one. On one machine that port may be
another job's, so each job has its own; all else is the toolkit's.
"""

import os

from sagemaker_pytorch_container import training
from sagemaker_training import torch_distributed


def main() -> None:
    """Train as AWS's PyTorch container does, gathering on this job's own port."""
    training.MASTER_PORT = torch_distributed.MASTER_PORT = os.environ["KENNEL_MASTER_PORT"]
    training.main()
