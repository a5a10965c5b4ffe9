from dataclasses import replace

from common.environment import Environment
from common.execution import Execution
from common.vpc_and_key import VpcAndKey
from release.request import ReleaseRequest, ReleaseSettings
from tests.functions.scaling import SERVERLESS

EVENT = {
    "execution": {"Id": "arn:execution", "Name": "one", "RedriveCount": 1, "Input": {}},
    "candidate": {
        "prefix": "code/0123/",
        "model_data_url": "s3://bucket/model.tar.gz",
        "smoke_breed": "Pug",
    },
    "version": "arn:version",
    "image": "kennel/serving:1",
}


def test_request_of_an_event() -> None:
    execution = Execution("arn:execution", 1)
    assert ReleaseRequest.from_event(EVENT) == ReleaseRequest(
        execution, "s3://bucket/model.tar.gz", "kennel/serving:1", "Pug", "arn:version"
    )


VARIABLES = {
    "ENDPOINT_NAME": "kennel",
    "BUCKET_NAME": "kennel-bucket",
    "HOSTING": "instances",
    "SERVERLESS_MEMORY_MB": "3072",
    "SERVERLESS_MAX_CONCURRENCY": "5",
    "INSTANCE_TYPE": "ml.c5.large",
    "MIN_INSTANCES": "1",
    "MAX_INSTANCES": "5",
    "MODEL_ROLE_ARN": "arn:aws:iam::123456789012:role/model",
    "NETWORK_ISOLATION": "yes",
    "ROLLBACK_ALARMS": "kennel-errors,kennel-latency",
    "BAKE_SECONDS": "300",
    "VPC_SUBNETS": "subnet-0,subnet-1",
    "VPC_SECURITY_GROUPS": "sg-0",
    "KMS_KEY_ARN": "arn:key",
}


def test_each_variable_reaches_its_setting() -> None:
    on_instances = ReleaseSettings.from_environment(Environment(VARIABLES))
    variables = {**VARIABLES, "HOSTING": "serverless"}
    serverless = ReleaseSettings.from_environment(Environment(variables))
    assert serverless == replace(on_instances, serverless=SERVERLESS)
    assert on_instances == ReleaseSettings(
        endpoint_name="kennel",
        bucket="kennel-bucket",
        instance_type="ml.c5.large",
        min_instances=1,
        max_instances=5,
        model_role_arn="arn:aws:iam::123456789012:role/model",
        isolated=True,
        alarms=("kennel-errors", "kennel-latency"),
        bake_s=300,
        vpc_and_key=VpcAndKey(("subnet-0", "subnet-1"), ("sg-0",), "arn:key"),
    )
