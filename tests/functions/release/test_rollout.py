from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

from common.failure import ReleaseRefused
from release.order import Order, Settings
from release.rollout import release

SETTINGS = Settings(
    endpoint_name="kennel",
    image="123456789012.dkr.ecr.eu-west-1.amazonaws.com/kennel/serving:1",
    instance_type="ml.c5.large",
    min_instances=1,
    max_instances=5,
    model_role_arn="arn:aws:iam::123456789012:role/kennel-ModelRole",
)
MODEL = botocore.session.get_session().get_service_model("sagemaker")
EXECUTION = "arn:aws:states:eu-west-1:123456789012:execution:machine:"


def order(name: str = "one") -> Order:
    return Order(EXECUTION + name, 0, "0123456789abcdef0123", "s3://bucket/code/0123/model.tar.gz")


class SageMaker:
    """As much of SageMaker as a release sees; every request is checked by botocore's own model."""

    def __init__(self) -> None:
        self.models: dict[str, dict[str, Any]] = {}
        self.configs: dict[str, dict[str, Any]] = {}
        self.endpoint: dict[str, Any] | None = None
        self.calls: list[str] = []
        self.breaks_at = ""  # a call that ends in a time-out, after SageMaker has done it

    def __getattr__(self, method: str) -> Any:
        operation = "".join(word.capitalize() for word in method.split("_"))

        def call(**request: Any) -> dict[str, Any]:
            validate_parameters(request, MODEL.operation_model(operation).input_shape)
            self.calls.append(operation)
            answer: dict[str, Any] = getattr(self, f"_{method}")(**request)
            if operation == self.breaks_at:
                self.breaks_at = ""
                raise TimeoutError(operation)
            return answer

        return call

    def _missing(self) -> ClientError:
        message = 'Could not find endpoint "x".'
        return ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "Any")

    def _describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        if self.endpoint is None:
            raise self._missing()
        return self.endpoint

    def _describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:  # noqa: N803
        if EndpointConfigName not in self.configs:
            raise self._missing()
        return {**self.configs[EndpointConfigName], "EndpointConfigArn": EndpointConfigName}

    def _describe_model(self, ModelName: str) -> dict[str, Any]:  # noqa: N803
        if ModelName not in self.models:
            raise self._missing()
        return {**self.models[ModelName], "ModelArn": f"model/{ModelName}"}

    def _list_tags(self, ResourceArn: str) -> dict[str, Any]:  # noqa: N803
        kind, _, name = ResourceArn.rpartition("/")
        return {"Tags": (self.models if kind else self.configs)[name]["Tags"]}

    def _create_model(self, **request: Any) -> dict[str, Any]:
        assert request["ModelName"] not in self.models
        self.models[request["ModelName"]] = request
        return {}

    def _create_endpoint_config(self, **request: Any) -> dict[str, Any]:
        assert request["EndpointConfigName"] not in self.configs
        self.configs[request["EndpointConfigName"]] = request
        return {}

    def _create_endpoint(self, **request: Any) -> dict[str, Any]:
        assert self.endpoint is None
        self.endpoint = {**request, "EndpointStatus": "Creating"}
        return {}

    def _update_endpoint(self, EndpointName: str, EndpointConfigName: str) -> dict[str, Any]:  # noqa: N803
        assert self.endpoint is not None
        assert self.endpoint["EndpointStatus"] == "InService"
        self.endpoint["EndpointStatus"] = "Updating"
        self.endpoint["PendingDeploymentSummary"] = {"EndpointConfigName": EndpointConfigName}
        return {}

    def finish(self, instances: int = 1) -> None:
        """Let time pass until the endpoint is InService, with so many instances."""
        assert self.endpoint is not None
        pending = self.endpoint.pop("PendingDeploymentSummary", self.endpoint)
        self.endpoint["EndpointConfigName"] = pending["EndpointConfigName"]
        self.endpoint["EndpointStatus"] = "InService"
        self.endpoint["ProductionVariants"] = [{"CurrentInstanceCount": instances}]


class AutoScaling:
    """The registration, there or not."""

    def __init__(self, *, registered: bool) -> None:
        self.registered = registered
        self.calls: list[str] = []

    def describe_scalable_targets(self, **request: Any) -> dict[str, Any]:
        assert request["ResourceIds"] == ["endpoint/kennel/variant/AllTraffic"]
        return {"ScalableTargets": [{}] if self.registered else []}

    def deregister_scalable_target(self, **request: Any) -> dict[str, Any]:
        assert request["ResourceId"] == "endpoint/kennel/variant/AllTraffic"
        assert self.registered, "AWS answers ObjectNotFoundException"
        self.registered = False
        self.calls.append("deregister")
        return {}


def run(sagemaker: SageMaker, name: str = "one", autoscaling: AutoScaling | None = None) -> Any:
    return release(order(name), SETTINGS, sagemaker, autoscaling or AutoScaling(registered=False))


def live(instances: int = 1) -> SageMaker:
    """Give an endpoint that a first release has brought up."""
    sagemaker = SageMaker()
    run(sagemaker, "first")
    sagemaker.finish(instances)
    sagemaker.calls.clear()
    return sagemaker


def test_first_release_creates_everything() -> None:
    sagemaker = SageMaker()
    name = order().name("kennel")
    assert run(sagemaker) == {
        "model_name": name,
        "config_name": name,
        "previous_config_name": None,
        "instance_count": 1,
    }
    model = sagemaker.models[name]
    assert model["PrimaryContainer"] == {
        "Image": SETTINGS.image,
        "ModelDataUrl": "s3://bucket/code/0123/model.tar.gz",
    }
    assert model["ExecutionRoleArn"] == SETTINGS.model_role_arn
    assert model["EnableNetworkIsolation"] is True
    (variant,) = sagemaker.configs[name]["ProductionVariants"]
    assert (variant["ModelName"], variant["InstanceType"]) == (name, "ml.c5.large")
    assert sagemaker.endpoint is not None
    assert sagemaker.endpoint["EndpointConfigName"] == name


def test_what_it_makes_carries_the_execution() -> None:
    sagemaker = SageMaker()
    run(sagemaker)
    for made in (*sagemaker.models.values(), *sagemaker.configs.values()):
        assert {"Key": "kennel:execution", "Value": EXECUTION + "one"} in made["Tags"]


def test_update_moves_the_endpoint_and_remembers_where_it_was() -> None:
    sagemaker = live()
    autoscaling = AutoScaling(registered=True)
    result = run(sagemaker, "two", autoscaling)
    assert result["previous_config_name"] == order("first").name("kennel")
    assert sagemaker.calls[-1] == "UpdateEndpoint"
    assert sagemaker.endpoint is not None
    assert sagemaker.endpoint["PendingDeploymentSummary"] == {
        "EndpointConfigName": result["config_name"]
    }
    assert autoscaling.calls == ["deregister"]


@pytest.mark.parametrize(("current", "asked"), [(1, 1), (3, 3), (9, 5), (0, 1)])
def test_update_keeps_the_instances_within_the_bounds(current: int, asked: int) -> None:
    sagemaker = live(current)
    result = run(sagemaker, "two")
    assert result["instance_count"] == asked
    (variant,) = sagemaker.configs[result["config_name"]]["ProductionVariants"]
    assert variant["InitialInstanceCount"] == asked


@pytest.mark.parametrize("meanwhile", ["still working", "done"])
@pytest.mark.parametrize("update", [False, True], ids=["create", "update"])
def test_second_call_gives_the_same_and_makes_nothing(update: bool, meanwhile: str) -> None:
    sagemaker = live(3) if update else SageMaker()
    first = run(sagemaker)
    if meanwhile == "done":
        sagemaker.finish(instances=4)  # autoscaling may have moved on: the answer must not
    sagemaker.calls.clear()
    assert run(sagemaker) == first
    assert not [call for call in sagemaker.calls if not call.startswith(("Describe", "List"))]


@pytest.mark.parametrize("breaks_at", ["CreateModel", "CreateEndpointConfig", "CreateEndpoint"])
def test_retry_after_a_call_that_broke_off_completes_it(breaks_at: str) -> None:
    sagemaker = SageMaker()
    sagemaker.breaks_at = breaks_at
    with pytest.raises(TimeoutError):
        run(sagemaker)
    result = run(sagemaker)
    assert list(sagemaker.models) == list(sagemaker.configs) == [result["config_name"]]
    assert sagemaker.endpoint is not None
    assert sagemaker.endpoint["EndpointConfigName"] == result["config_name"]


@pytest.mark.parametrize("breaks_at", ["CreateEndpointConfig", "UpdateEndpoint"])
def test_retry_of_an_update_still_knows_where_it_was(breaks_at: str) -> None:
    sagemaker = live()
    sagemaker.breaks_at = breaks_at
    with pytest.raises(TimeoutError):
        run(sagemaker, "two")
    assert run(sagemaker, "two")["previous_config_name"] == order("first").name("kennel")


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        ("Creating", "start again when it is InService"),
        ("Updating", "start again when it is InService"),
        ("RollingBack", "start again when it is InService"),
        ("Failed", "delete it and start again"),
        ("UpdateRollbackFailed", "delete it and start again"),
    ],
)
def test_endpoint_in_another_state_is_left_alone(status: str, remedy: str) -> None:
    sagemaker = live()
    assert sagemaker.endpoint is not None
    sagemaker.endpoint["EndpointStatus"] = status
    with pytest.raises(ReleaseRefused, match=f"kennel is {status} and takes no new .*: {remedy}"):
        run(sagemaker, "two")
    assert sagemaker.calls == ["DescribeEndpoint"]


def test_refusal_carries_sagemakers_own_reason() -> None:
    sagemaker = live()
    assert sagemaker.endpoint is not None
    sagemaker.endpoint |= {"EndpointStatus": "Failed", "FailureReason": "No capacity."}
    with pytest.raises(ReleaseRefused, match=r"is Failed \(No capacity\.\)"):
        run(sagemaker, "two")


@pytest.mark.parametrize("kind", ["models", "configs"])
def test_name_taken_by_somebody_else_is_not_taken_over(kind: str) -> None:
    sagemaker = SageMaker()
    run(sagemaker)
    taken = getattr(sagemaker, kind)
    taken[order().name("kennel")]["Tags"] = [{"Key": "kennel:execution", "Value": "another"}]
    if kind == "models":
        sagemaker.configs.clear()
    sagemaker.endpoint = None
    with pytest.raises(ReleaseRefused, match="exists and is not this execution's"):
        run(sagemaker)
    assert sagemaker.endpoint is None


def test_refusal_of_aws_is_not_taken_for_absence() -> None:
    class Denied(SageMaker):
        def _missing(self) -> ClientError:
            return ClientError({"Error": {"Code": "AccessDeniedException"}}, "DescribeEndpoint")

    sagemaker = Denied()
    with pytest.raises(ClientError, match="AccessDeniedException"):
        run(sagemaker)
    assert sagemaker.calls == ["DescribeEndpoint"]
