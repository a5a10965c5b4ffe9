import re

import pytest

from common.environment import Environment
from release.order import Order, Settings

ARN = "arn:aws:states:eu-west-1:123456789012:execution:kennel-TrainAndDeploy-Ab12:my_first.run"
EVENT = {
    "execution": {"Id": ARN, "Name": "my_first.run", "RedriveCount": 0, "Input": {}},
    "bundle": {
        "hash": "0123456789abcdef0123",
        "prefix": "code/0123456789abcdef0123/",
        "model_data_url": "s3://bucket/code/0123456789abcdef0123/model.tar.gz",
        "smoke_breed": "Bull Mastiff",
    },
}
# botocore's own pattern of ModelName and EndpointConfigName
SAGEMAKER_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


def order(arn: str = ARN, redrive: int = 0, bundle_hash: str = "0123456789abcdef0123") -> Order:
    return Order(arn, redrive, bundle_hash, "s3://bucket/model.tar.gz")


def test_order_of_an_event() -> None:
    assert Order.from_event(EVENT) == Order(
        ARN, 0, "0123456789abcdef0123", "s3://bucket/code/0123456789abcdef0123/model.tar.gz"
    )


def test_order_where_the_interpreter_knows_no_redrives() -> None:
    event = {**EVENT, "execution": {"Id": ARN}}
    assert Order.from_event(event).redrive == 0


def test_name_is_the_same_for_the_same_order() -> None:
    assert order().name("kennel") == order().name("kennel")


@pytest.mark.parametrize(
    "other",
    [order(arn=ARN + "2"), order(redrive=1), order(bundle_hash="fedcba9876543210fedc")],
    ids=["execution", "redrive", "bundle"],
)
def test_name_differs_for_another(other: Order) -> None:
    assert order().name("kennel") != other.name("kennel")


@pytest.mark.parametrize("endpoint_name", ["k", "kennel", "k" * 32])
def test_name_is_one_that_sagemaker_takes_and_the_role_covers(endpoint_name: str) -> None:
    name = order().name(endpoint_name)
    assert SAGEMAKER_NAME.fullmatch(name)
    assert name == name.lower()
    assert name.startswith(f"{endpoint_name}-01234567-")


def test_each_variable_reaches_its_setting() -> None:
    settings = Settings.from_environment(
        Environment(
            {
                "ENDPOINT_NAME": "kennel",
                "SERVING_IMAGE": "kennel/serving:1",
                "INSTANCE_TYPE": "ml.c5.large",
                "MIN_INSTANCES": "1",
                "MAX_INSTANCES": "5",
                "MODEL_ROLE_ARN": "arn:aws:iam::123456789012:role/model",
            }
        )
    )
    assert settings == Settings(
        endpoint_name="kennel",
        image="kennel/serving:1",
        instance_type="ml.c5.large",
        min_instances=1,
        max_instances=5,
        model_role_arn="arn:aws:iam::123456789012:role/model",
    )
