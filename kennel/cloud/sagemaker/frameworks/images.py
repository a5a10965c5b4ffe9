"""Recognise the images of AWS that its toolkits and this machine's PyTorch can replace.

The names are those that the SageMaker SDK's `image_uris.retrieve` returns: 763104351884 is AWS's
account of framework images, 520713654638 that of PyTorch's first ones, which train and serve.
"""

import re

_FIRST = r"520713654638\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/sagemaker-pytorch:(?!.*py2)\S+"
_REGISTRY = r"763104351884\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/"
#: Older ones are named pytorch-training, newer ones pytorch:...-sagemaker.
_TRAINING = re.compile(
    rf"{_REGISTRY}(pytorch-training:(?!.*py2)\S+|pytorch(-[a-z0-9]+)?:\S+-sagemaker)|{_FIRST}"
)
_INFERENCE = re.compile(rf"{_REGISTRY}pytorch-inference(-graviton)?:(?!.*py2)\S+|{_FIRST}")


def can_train(image: str) -> bool:
    """Return whether `image` is a PyTorch training image of AWS, which its toolkit replaces."""
    return _TRAINING.fullmatch(image) is not None


def can_serve(image: str) -> bool:
    """Return whether `image` is a PyTorch inference image of AWS, which its toolkit replaces."""
    return _INFERENCE.fullmatch(image) is not None
