from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from common.execution import Execution
from common.failures import EndpointBusy, ReleaseRefused
from common.record import read_record
from common.registration import registration
from common.scaling import scalable_target
from common.vpc_and_key import VpcAndKey
from release.request import ReleaseRequest, ReleaseSettings
from release.rollout import release
from tests.functions.aws_account import BUCKET, Account
from tests.functions.scaling import SERVERLESS

SETTINGS = ReleaseSettings(
    endpoint_name="kennel",
    bucket=BUCKET,
    instance_type="ml.c5.large",
    min_instances=1,
    max_instances=5,
    model_role_arn="arn:aws:iam::123456789012:role/kennel-ModelRole",
    isolated=True,
    alarms=("kennel-errors", "kennel-latency"),
    bake_s=300,
)
EXECUTION = "arn:aws:states:eu-west-1:123456789012:execution:machine:"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/kennel/serving:1"
CHANGES = ("CreateModel", "CreateEndpointConfig", "CreateEndpoint", "UpdateEndpoint")


def execution(name: str = "one") -> Execution:
    return Execution(EXECUTION + name)


def request_of(name: str = "one") -> ReleaseRequest:
    url = "s3://bucket/packages/0123/model.tar.gz"
    return ReleaseRequest(execution(name), url, IMAGE, "Pug", f"arn:version:{name}")


def run(account: Account, name: str = "one", settings: ReleaseSettings = SETTINGS) -> Any:
    return release(request_of(name), settings, account.sagemaker, account.autoscaling, account.s3)


def live(instances: int = 1) -> Account:
    """Return an account whose first release is InService with this many instances."""
    account = Account()
    run(account, "first")
    account.endpoints.settle()
    assert account.endpoints.endpoint is not None
    account.endpoints.endpoint["ProductionVariants"] = [{"CurrentInstanceCount": instances}]
    account.calls.clear()
    return account


def test_endpoint_runs_in_the_vpc_and_its_volumes_have_the_key() -> None:
    key = "arn:aws:kms:eu-west-1:123456789012:key/0"
    account, plain = Account(), Account()
    run(account, settings=replace(SETTINGS, vpc_and_key=VpcAndKey(("subnet-0",), ("sg-0",), key)))
    requests = dict(account.calls)
    vpc = {"Subnets": ("subnet-0",), "SecurityGroupIds": ("sg-0",)}
    assert requests["CreateModel"]["VpcConfig"] == vpc
    assert requests["CreateEndpointConfig"]["KmsKeyId"] == key
    run(plain)
    requests = dict(plain.calls)
    assert "VpcConfig" not in requests["CreateModel"]
    assert "KmsKeyId" not in requests["CreateEndpointConfig"]


def register(account: Account) -> None:
    names = scalable_target("kennel")
    account.autoscaling.register_scalable_target(**names, MinCapacity=2, MaxCapacity=7)


def test_first_release_creates_everything() -> None:
    account = Account()
    name = execution().release("kennel")
    assert run(account) == {
        "model_name": name,
        "config_name": name,
        "previous_config_name": None,
        "instance_count": 1,
    }
    model = account.endpoints.models[name]
    assert model["PrimaryContainer"] == {
        "Image": IMAGE,
        "ModelDataUrl": "s3://bucket/packages/0123/model.tar.gz",
        "Environment": {"KENNEL_SMOKE_BREED": "Pug"},
    }
    assert model["ExecutionRoleArn"] == SETTINGS.model_role_arn
    assert model["EnableNetworkIsolation"] is True
    (variant,) = account.endpoints.configs[name]["ProductionVariants"]
    assert (variant["ModelName"], variant["InstanceType"]) == (name, "ml.c5.large")
    assert account.endpoints.endpoint is not None
    assert account.endpoints.endpoint["EndpointConfigName"] == name


def test_rays_image_may_fetch_its_packages() -> None:
    account = Account()
    name = run(account, settings=replace(SETTINGS, isolated=False))["model_name"]
    assert account.endpoints.models[name]["EnableNetworkIsolation"] is False


def test_resources_have_the_execution_in_a_tag() -> None:
    account = Account()
    run(account)
    assert len(account.endpoints.tags) == 3  # model, configuration, endpoint
    for tags in account.endpoints.tags.values():
        assert tags["kennel:execution"] == EXECUTION + "one"


def test_update_writes_the_release_record_and_updates_the_endpoint() -> None:
    account = live(instances=4)
    register(account)
    former = registration(account.autoscaling, "kennel")
    result = run(account, "two")
    assert result["previous_config_name"] == execution("first").release("kennel")
    assert account.called()[-1] == "UpdateEndpoint"
    assert account.scaling.target is None
    assert read_record(account.s3, BUCKET, execution("two")) == {"scaling": former}
    (update,) = [request for name, request in account.calls if name == "UpdateEndpoint"]
    assert update["EndpointConfigName"] == result["config_name"]
    policy = update["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"]["CanarySize"]["Value"] == 2
    assert update["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]


@pytest.mark.parametrize(("current", "expected"), [(1, 1), (3, 3), (9, 5), (0, 1)])
def test_update_keeps_the_instances_within_the_bounds(current: int, expected: int) -> None:
    account = live(current)
    result = run(account, "two")
    assert result["instance_count"] == expected
    (variant,) = account.endpoints.configs[result["config_name"]]["ProductionVariants"]
    assert variant["InitialInstanceCount"] == expected


@pytest.mark.parametrize("status", ["in progress", "done"])
@pytest.mark.parametrize("update", [False, True], ids=["create", "update"])
def test_second_call_returns_the_same_and_creates_nothing(update: bool, status: str) -> None:
    account = live(3) if update else Account()
    first = run(account)
    if status == "done":
        account.endpoints.settle()
    account.calls.clear()
    assert run(account) == first
    assert account.called(*CHANGES) == []


@pytest.mark.parametrize("times_out", ["CreateModel", "CreateEndpointConfig", "CreateEndpoint"])
def test_retry_completes_an_interrupted_release(times_out: str) -> None:
    account = Account(times_out=[times_out])
    with pytest.raises(TimeoutError):
        run(account)
    result = run(account)
    names = [result["config_name"]]
    assert list(account.endpoints.models) == list(account.endpoints.configs) == names
    assert account.endpoints.endpoint is not None
    assert account.endpoints.endpoint["EndpointConfigName"] == result["config_name"]


@pytest.mark.parametrize(
    "times_out", ["CreateEndpointConfig", "DeregisterScalableTarget", "UpdateEndpoint"]
)
def test_retry_of_an_update_keeps_the_release_record(times_out: str) -> None:
    account = live()
    register(account)
    former = registration(account.autoscaling, "kennel")
    account.times_out = [times_out]
    with pytest.raises(TimeoutError):
        run(account, "two")
    again = run(account, "two")
    assert again["previous_config_name"] == execution("first").release("kennel")
    assert read_record(account.s3, BUCKET, execution("two")) == {"scaling": former}


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        ("Creating", "start again when it is InService"),
        ("RollingBack", "start again when it is InService"),
        ("Failed", "delete it and start again"),
        ("UpdateRollbackFailed", "delete it and start again"),
    ],
)
def test_endpoint_in_another_state_is_not_changed(status: str, remedy: str) -> None:
    account = live()
    account.polls = 9
    assert account.endpoints.endpoint is not None
    account.endpoints.endpoint["EndpointStatus"] = status
    account.endpoints.polls_left = 9
    with pytest.raises(ReleaseRefused, match=f"kennel is {status} and accepts no new .*: {remedy}"):
        run(account, "two")
    assert account.called() == ["DescribeEndpoint"]


@pytest.mark.parametrize("status", ["Updating", "SystemUpdating"])
def test_endpoint_that_autoscaling_or_aws_changes_is_waited_for(status: str) -> None:
    account = live(2)
    register(account)
    endpoint = account.endpoints.endpoint
    assert endpoint is not None
    endpoint["EndpointStatus"] = status
    account.endpoints.polls_left = 9
    account.calls.clear()
    with pytest.raises(EndpointBusy, match=f"kennel is {status} and accepts no new model"):
        run(account, "two")
    assert account.called() == ["DescribeEndpoint"]
    assert account.scaling.target is not None
    endpoint["EndpointStatus"] = "InService"
    assert run(account, "two")["instance_count"] == 2


def test_release_of_another_execution_is_not_waited_for() -> None:
    account = live()
    run(account, "two")
    account.endpoints.polls_left = 9
    with pytest.raises(ReleaseRefused, match="is Updating"):
        run(account, "three")


def test_change_that_autoscaling_starts_just_before_it_is_deregistered_is_waited_for() -> None:
    account = live(2)
    register(account)
    former = registration(account.autoscaling, "kennel")
    endpoint = account.endpoints.endpoint
    assert endpoint is not None
    deregister = account.scaling.deregister_scalable_target

    def too_late(**target: Any) -> Any:
        account.endpoints.polls_left = 9
        endpoint["EndpointStatus"] = "Updating"  # from 2 to 4
        return deregister(**target)

    account.scaling.deregister_scalable_target = too_late  # type: ignore[method-assign]
    with pytest.raises(EndpointBusy):
        run(account, "two")
    with pytest.raises(EndpointBusy):  # it lasts for minutes
        run(account, "two")
    endpoint["EndpointStatus"] = "InService"
    endpoint["ProductionVariants"] = [{"CurrentInstanceCount": 4}]
    run(account, "two")
    assert account.called("UpdateEndpoint") == ["UpdateEndpoint"] * 2
    account.endpoints.settle()
    assert account.endpoints.endpoint is not None
    assert account.endpoints.endpoint["ProductionVariants"] == [{"CurrentInstanceCount": 4}]
    assert read_record(account.s3, BUCKET, execution("two")) == {"scaling": former}


def test_update_that_sagemaker_refuses_for_another_reason_keeps_its_error() -> None:
    account = live()
    account.refuse("UpdateEndpoint", "ValidationException", "The role cannot be assumed.")
    with pytest.raises(ClientError, match="cannot be assumed"):
        run(account, "two")


def test_error_has_sagemakers_reason() -> None:
    account = live()
    assert account.endpoints.endpoint is not None
    account.endpoints.endpoint |= {"EndpointStatus": "Failed", "FailureReason": "No capacity."}
    with pytest.raises(ReleaseRefused, match=r"is Failed \(No capacity\.\)"):
        run(account, "two")


@pytest.mark.parametrize("kind", ["model", "endpoint-config"])
def test_resource_of_another_execution_is_not_used(kind: str) -> None:
    account = Account()
    name = run(account)["config_name"]
    for arn, tags in account.endpoints.tags.items():
        if f":{kind}/{name}" in arn:
            tags["kennel:execution"] = "another"
    if kind == "model":
        account.endpoints.configs.clear()
    account.endpoints.endpoint = None
    with pytest.raises(ReleaseRefused, match="exists and is not this execution's"):
        run(account)
    assert account.endpoints.endpoint is None


def test_denied_describe_is_not_a_missing_endpoint() -> None:
    account = Account()
    account.refuse("DescribeEndpoint", "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        run(account)
    assert account.called() == ["DescribeEndpoint"]


def test_redriven_execution_releases_under_a_name_of_its_own() -> None:
    account = live()
    first = run(account, "two")
    account.endpoints.settle()
    request = replace(request_of("two"), execution=Execution(EXECUTION + "two", redrive=1))
    again = release(request, SETTINGS, account.sagemaker, account.autoscaling, account.s3)
    assert again["config_name"] != first["config_name"]
    assert again["previous_config_name"] == first["config_name"]


ON_CALLS = replace(SETTINGS, serverless=SERVERLESS, isolated=False)


def test_serverless_variant_has_no_instances_and_no_isolation() -> None:
    account = Account()
    result = run(account, settings=ON_CALLS)
    assert result["instance_count"] == 0
    requests = dict(account.calls)
    assert requests["CreateEndpointConfig"]["ProductionVariants"] == [
        {
            "VariantName": "AllTraffic",
            "ModelName": result["model_name"],
            "ServerlessConfig": {"MemorySizeInMB": 3072, "MaxConcurrency": 5},
        }
    ]
    assert requests["CreateModel"]["EnableNetworkIsolation"] is False
    assert run(account, settings=ON_CALLS) == result  # a retry


def test_serverless_endpoint_is_updated_all_at_once() -> None:
    account = Account()
    run(account, "first", ON_CALLS)
    account.endpoints.settle()
    account.calls.clear()
    result = run(account, "two", ON_CALLS)
    update = dict(account.calls)["UpdateEndpoint"]
    assert update == {"EndpointName": "kennel", "EndpointConfigName": result["config_name"]}
    account.endpoints.settle()
    assert run(account, "two", ON_CALLS) == result
