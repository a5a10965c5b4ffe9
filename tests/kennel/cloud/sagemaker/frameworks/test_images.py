"""Which of AWS's images are run by this machine's PyTorch, by the names that the SDK retrieves."""

import pytest

from kennel.cloud.sagemaker.frameworks.images import can_serve, can_train

AWS = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
FIRST = "520713654638.dkr.ecr.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("image", "trains", "serves"),
    [
        (f"{AWS}/pytorch-amzn2023:2.14-cpu-amzn2023-sagemaker", True, False),
        (f"{AWS}/pytorch:2.14-cpu-amzn2023-sagemaker", True, False),
        (f"{AWS}/pytorch-training:2.6.0-cpu-py312-ubuntu22.04-sagemaker", True, False),
        (f"{AWS}/pytorch-training:2.5.1-cpu-py311", True, False),
        (f"{AWS}/pytorch-inference:2.5-cpu-py311", False, True),
        (f"{AWS}/pytorch-inference-graviton:2.4.0-cpu-py311", False, True),
        (f"{FIRST}/sagemaker-pytorch:1.1.0-cpu-py3", True, True),
        (f"{FIRST}/sagemaker-pytorch:1.1.0-cpu-py2", False, False),
        (f"{AWS}/pytorch-inference-eia:1.5.1-cpu-py3", False, False),
        (f"{AWS}/pytorch:2.14-cpu-amzn2023-ec2", False, False),
        (f"{AWS}/tensorflow-training:2.19-cpu", False, False),
        (f"{AWS}/huggingface-pytorch-inference:2.1-cpu-py310", False, False),
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:1", False, False),
        ("", False, False),
    ],
)
def test_only_awss_pytorch_images_run(image: str, trains: bool, serves: bool) -> None:
    assert (can_train(image), can_serve(image)) == (trains, serves)
