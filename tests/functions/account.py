"""An AWS account in memory, as much of one as the pipeline's functions see.

It is an imitation, for the functions' own tests and for those of the state machine's ways: requests
are checked by botocore's own model of each service, states follow SageMaker's order, and whatever a
test wants to go wrong does. The offline cloud (tests/kennel/cloud) runs the real parts.

    account = Account()
    account.refuse("CreateEndpoint", "ResourceLimitExceeded", "The quota is 0.")
    account.jobs_end["TrainingJob"] = ("Failed", "CapacityError: no ml.m5.xlarge")
"""

import base64
import functools
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

ENDPOINT = "kennel"
BUCKET = "kennel-bucket"
PROJECT = "kennel-build"
_SESSION = botocore.session.get_session()
_ARN = "arn:aws:sagemaker:us-east-1:123456789012:"

Json = dict[str, Any]


@functools.cache
def operations(service: str) -> dict[str, Any]:
    """Map boto3's method names of a service to its operations."""
    model = _SESSION.get_service_model(service)
    return {
        botocore.xform_name(name): model.operation_model(name) for name in model.operation_names
    }


def refusal(code: str, message: str, operation: str = "Any") -> ClientError:
    """Make AWS's refusal as boto3 raises it."""
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class Client:
    """One service of the account, called as boto3's client is."""

    #: Told of every call: service, operation, request. tests/iam compares them with its table.
    witness: ClassVar[Callable[[str, str, Json], None] | None] = None

    def __init__(self, account: "Account", service: str, part: object) -> None:
        self._account = account
        self._service = service
        self._part = part

    def __getattr__(self, method: str) -> Any:
        operation = operations(self._service)[method]

        def call(**request: Any) -> Json:
            validate_parameters(request, operation.input_shape)
            self._account.calls.append((operation.name, request))
            if Client.witness:
                Client.witness(self._service, operation.name, request)
            waiting = self._account.refusals.get(operation.name, [])
            if waiting:
                error = waiting[0] if len(waiting) == 1 else waiting.pop(0)
                if error is not None:
                    raise error
            answer: Json = getattr(self._part, method)(**request)
            if operation.name in self._account.breaks_at:
                self._account.breaks_at.remove(operation.name)
                raise TimeoutError(operation.name)
            return answer

        return call


@dataclass
class Account:
    """State of all services."""

    calls: list[tuple[str, Json]] = field(default_factory=list)
    refusals: dict[str, list[ClientError | None]] = field(default_factory=dict)
    breaks_at: list[str] = field(default_factory=list)  # done, but the answer is lost
    #: How a kind of job ends: status and reason. It takes `polls` looks.
    jobs_end: dict[str, tuple[str, str]] = field(default_factory=dict)
    #: How an endpoint's next change ends: "done", "back" (to the old one, silently), "failed".
    changes_end: list[str] = field(default_factory=list)
    build_ends: str = "SUCCEEDED"
    polls: int = 1
    answer: object = None  # of the endpoint: a verdict, or an exception
    on_start: Callable[[str], None] = lambda _name: None  # when a training job begins

    def __post_init__(self) -> None:
        """Make the services."""
        self.objects: dict[str, bytes] = {}
        self.endpoints = _SageMaker(self)
        self.scaling = _AutoScaling(self)
        self.builds = _CodeBuild(self)
        self.messages: list[str] = []
        self.sagemaker: Any = Client(self, "sagemaker", self.endpoints)
        self.autoscaling: Any = Client(self, "application-autoscaling", self.scaling)
        self.s3: Any = Client(self, "s3", _S3(self.objects))
        self.codebuild: Any = Client(self, "codebuild", self.builds)
        self.ecr: Any = Client(self, "ecr", self.builds)
        self.runtime: Any = Client(self, "sagemaker-runtime", _Runtime(self))

    def refuse(self, operation: str, code: str, message: str = "No.", times: int | None = None):  # type: ignore[no-untyped-def]
        """Refuse an operation, always or some times."""
        error = refusal(code, message, operation)
        self.refusals[operation] = [error] if times is None else [*[error] * times, None]

    def asked(self, *operations: str) -> list[str]:
        """Names of the calls so far, only these if any are named."""
        return [name for name, _ in self.calls if not operations or name in operations]


class _S3:
    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    def get_object(self, Bucket: str, Key: str) -> Json:  # noqa: N803
        assert Bucket == BUCKET
        if Key not in self.objects:
            raise refusal("NoSuchKey", "The specified key does not exist.")
        return {"Body": io.BytesIO(self.objects[Key])}

    def put_object(self, Bucket: str, Key: str, Body: Any, **more: Any) -> Json:  # noqa: N803
        assert Bucket == BUCKET
        if more.get("IfNoneMatch") == "*" and Key in self.objects:
            raise refusal("PreconditionFailed", "It is there.")
        self.objects[Key] = Body if isinstance(Body, bytes) else Body.read()
        return {}

    def head_object(self, Bucket: str, Key: str, ChecksumMode: str) -> Json:  # noqa: N803
        assert (Bucket, ChecksumMode) == (BUCKET, "ENABLED")
        digest = hashlib.sha256(self.objects[Key]).digest()
        return {"ChecksumSHA256": base64.b64encode(digest).decode()}

    def list_objects_v2(self, Bucket: str, Prefix: str) -> Json:  # noqa: N803
        assert Bucket == BUCKET
        return {
            "Contents": [{"Key": key} for key in sorted(self.objects) if key.startswith(Prefix)]
        }


class _AutoScaling:
    def __init__(self, account: Account) -> None:
        self._account = account
        self.target: Json | None = None
        self.policies: dict[str, Json] = {}

    def describe_scalable_targets(self, **request: Any) -> Json:
        assert request["ResourceIds"] == [f"endpoint/{ENDPOINT}/variant/AllTraffic"]
        return {"ScalableTargets": [self.target] if self.target else []}

    def describe_scaling_policies(self, **_request: Any) -> Json:
        return {"ScalingPolicies": list(self.policies.values())}

    def register_scalable_target(self, **request: Any) -> Json:
        if self._account.endpoints.endpoint is None:
            raise refusal("ValidationException", "Could not find the endpoint.")
        kept = {key: value for key, value in request.items() if key.endswith("Capacity")}
        self.target = {**(self.target or {}), **kept}
        return {}

    def put_scaling_policy(self, **request: Any) -> Json:
        assert self.target, "AWS answers ObjectNotFoundException"
        kept = ("PolicyName", "PolicyType", "TargetTrackingScalingPolicyConfiguration")
        self.policies[request["PolicyName"]] = {key: request[key] for key in kept}
        return {"PolicyARN": "arn", "Alarms": []}

    def delete_scaling_policy(self, PolicyName: str, **_more: Any) -> Json:  # noqa: N803
        del self.policies[PolicyName]
        return {}

    def deregister_scalable_target(self, **_request: Any) -> Json:
        assert self.target, "AWS answers ObjectNotFoundException"
        self.target, self.policies = None, {}
        return {}


class _CodeBuild:
    """CodeBuild and ECR together: a build that succeeds is an image."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.images: set[str] = set()
        self.builds: dict[str, Json] = {}
        self.tokens: dict[str, str] = {}

    def describe_images(self, imageIds: list[Json], **_more: Any) -> Json:  # noqa: N803
        if imageIds[0]["imageTag"] not in self.images:
            raise refusal("ImageNotFoundException", "There is no such image.")
        return {"imageDetails": [{}]}

    def list_builds_for_project(self, **_request: Any) -> Json:
        return {"ids": list(reversed(self.builds))}

    def batch_get_builds(self, ids: list[str]) -> Json:
        for build in self.builds.values():
            if build["buildStatus"] == "IN_PROGRESS":
                build["left"] -= 1
                if build["left"] < 0:
                    self._end(build, self._account.build_ends)
        return {"builds": [self.builds[each] for each in ids]}

    def start_build(self, idempotencyToken: str, **request: Any) -> Json:  # noqa: N803
        if idempotencyToken not in self.tokens:
            name = f"{PROJECT}:{len(self.builds)}"
            self.tokens[idempotencyToken] = name
            self.builds[name] = {
                "id": name,
                "buildStatus": "IN_PROGRESS",
                "environment": {"environmentVariables": request["environmentVariablesOverride"]},
                "phases": [],
                "left": self._account.polls,
            }
        return {"build": self.builds[self.tokens[idempotencyToken]]}

    def stop_build(self, id: str) -> Json:  # noqa: A002
        self._end(self.builds[id], "STOPPED")
        return {}

    def _end(self, build: Json, status: str) -> None:
        build["buildStatus"] = status
        if status == "SUCCEEDED":
            variables = build["environment"]["environmentVariables"]
            self.images |= {each["value"] for each in variables if each["name"] == "IMAGE_TAG"}
        if status == "FAILED":
            context = {"statusCode": "COMMAND_EXECUTION_ERROR", "message": "docker build: exit 1"}
            build["phases"] = [{"phaseType": "BUILD", "contexts": [context]}]


class _Runtime:
    def __init__(self, account: Account) -> None:
        self._account = account

    def invoke_endpoint(self, EndpointName: str, **_more: Any) -> Json:  # noqa: N803
        assert EndpointName == ENDPOINT
        answer = self._account.answer
        if isinstance(answer, Exception):
            raise answer
        return {"Body": io.BytesIO(json.dumps(answer).encode())}


class _SageMaker:
    """Models, configurations, the endpoint, jobs, versions, and tags on all of them."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.models: dict[str, Json] = {}
        self.configs: dict[str, Json] = {}
        self.endpoint: Json | None = None
        self.jobs: dict[str, Json] = {}  # by name, of both kinds
        self.packages: list[Json] = []
        self.tags: dict[str, dict[str, str]] = {}  # by ARN
        self._left = 0  # looks until the endpoint's change is done

    # tags

    def _tag(self, arn: str, tags: list[Json]) -> None:
        self.tags.setdefault(arn, {}).update({each["Key"]: each["Value"] for each in tags})

    def list_tags(self, ResourceArn: str) -> Json:  # noqa: N803
        found = self.tags.get(ResourceArn, {})
        return {"Tags": [{"Key": key, "Value": value} for key, value in found.items()]}

    def add_tags(self, ResourceArn: str, Tags: list[Json]) -> Json:  # noqa: N803
        self._tag(ResourceArn, Tags)
        return {}

    # models and configurations

    def _make(self, store: dict[str, Json], kind: str, word: str, request: Json) -> Json:
        name, arn = request[f"{word}Name"], f"{_ARN}{kind}/{request[f'{word}Name']}"
        if name in store:
            raise refusal("ValidationException", f"Cannot create already existing {kind}")
        self._tag(arn, request.pop("Tags", []))
        store[name] = {**request, f"{word}Arn": arn}
        return {f"{word}Arn": arn}

    @staticmethod
    def _found(store: dict[str, Json], name: str) -> Json:
        if name not in store:
            raise refusal("ValidationException", f'Could not find "{name}".')
        return store[name]

    def create_model(self, **request: Any) -> Json:
        return self._make(self.models, "model", "Model", request)

    def describe_model(self, ModelName: str) -> Json:  # noqa: N803
        return self._found(self.models, ModelName)

    def delete_model(self, ModelName: str) -> Json:  # noqa: N803
        self._found(self.models, ModelName)
        del self.models[ModelName]
        return {}

    def create_endpoint_config(self, **request: Any) -> Json:
        return self._make(self.configs, "endpoint-config", "EndpointConfig", request)

    def describe_endpoint_config(self, EndpointConfigName: str) -> Json:  # noqa: N803
        return self._found(self.configs, EndpointConfigName)

    def delete_endpoint_config(self, EndpointConfigName: str) -> Json:  # noqa: N803
        self._found(self.configs, EndpointConfigName)
        del self.configs[EndpointConfigName]
        return {}

    # the endpoint

    def create_endpoint(self, EndpointName: str, EndpointConfigName: str, Tags: Any = ()) -> Json:  # noqa: N803
        if self.endpoint is not None:
            raise refusal("ValidationException", "Cannot create already existing endpoint")
        self._found(self.configs, EndpointConfigName)
        self._tag(f"{_ARN}endpoint/{EndpointName}", list(Tags))
        self.endpoint = {
            "EndpointName": EndpointName,
            "EndpointConfigName": EndpointConfigName,
            "EndpointStatus": "Creating",
            "ProductionVariants": [{"CurrentInstanceCount": 0}],
            "LastModifiedTime": datetime(2026, 1, 1, tzinfo=UTC),
        }
        self._left = self._account.polls
        return {}

    def update_endpoint(self, EndpointName: str, EndpointConfigName: str, **more: Any) -> Json:  # noqa: N803
        assert self.endpoint is not None
        if self.endpoint["EndpointStatus"] != "InService":
            raise refusal("ValidationException", f'Cannot update in-progress "{EndpointName}".')
        config = self._found(self.configs, EndpointConfigName)
        assert self._account.scaling.target is None, "an update trips over a scaling registration"
        count = config["ProductionVariants"][0]["InitialInstanceCount"]
        if more.get("RetainAllVariantProperties"):
            count = self.endpoint["ProductionVariants"][0]["CurrentInstanceCount"]
        self.endpoint["EndpointStatus"] = "Updating"
        self.endpoint["PendingDeploymentSummary"] = {"EndpointConfigName": EndpointConfigName}
        self.endpoint["count"] = count
        self._left = self._account.polls
        return {}

    def delete_endpoint(self, EndpointName: str) -> Json:  # noqa: N803
        assert self.endpoint is not None
        if self.endpoint["EndpointStatus"] in {"Creating", "Updating", "RollingBack"}:
            raise refusal("ValidationException", f'Cannot delete in-progress "{EndpointName}".')
        self.endpoint["EndpointStatus"] = "Deleting"
        self._left = self._account.polls
        return {}

    def describe_endpoint(self, EndpointName: str) -> Json:  # noqa: N803
        if self.endpoint is not None and self.endpoint["EndpointStatus"] in {
            *("Creating", "Updating", "RollingBack", "Deleting")
        }:
            self._left -= 1
            if self._left < 0:
                self.settle()
        if self.endpoint is None:
            raise refusal("ValidationException", f'Could not find endpoint "{EndpointName}".')
        return dict(self.endpoint)

    def settle(self) -> None:
        """Let the endpoint's change come to its end."""
        assert self.endpoint is not None
        if self.endpoint["EndpointStatus"] == "Deleting":
            self.endpoint = None
            return
        ends = self._account.changes_end.pop(0) if self._account.changes_end else "done"
        creating = self.endpoint["EndpointStatus"] == "Creating"
        pending = self.endpoint.pop("PendingDeploymentSummary", {})
        count = self.endpoint.pop("count", None)
        self.endpoint["EndpointStatus"] = "InService"
        if ends == "failed" and creating:
            self.endpoint["EndpointStatus"] = "Failed"
            self.endpoint["FailureReason"] = "The container did not pass the ping health check."
        elif ends == "done" and creating:
            (variant,) = self.configs[self.endpoint["EndpointConfigName"]]["ProductionVariants"]
            count = variant["InitialInstanceCount"]
            self.endpoint["ProductionVariants"] = [{"CurrentInstanceCount": count}]
        elif ends == "done":
            self.endpoint["EndpointConfigName"] = pending["EndpointConfigName"]
            self.endpoint["ProductionVariants"] = [{"CurrentInstanceCount": count}]
            self.endpoint.pop("FailureReason", None)
        elif ends == "failed":  # what SageMaker says of an update that it took back
            self.endpoint["FailureReason"] = "One or more alarms went off."

    # jobs

    def _start(self, kind: str, path: str, request: Json) -> Json:
        name = request[f"{kind}Name"]
        arn = f"{_ARN}{path}/{name}"
        if name in self.jobs:
            raise refusal("ResourceInUse", f"The job {name} exists.")
        self._tag(arn, request.pop("Tags", []))
        self.jobs[name] = {
            **request,
            f"{kind}Arn": arn,
            f"{kind}Status": "InProgress",
            "left": self._account.polls,
            "kind": kind,
        }
        self._account.on_start(name)
        return {f"{kind}Arn": arn}

    def _look(self, kind: str, name: str) -> Json:
        if name not in self.jobs:
            raise refusal("ResourceNotFound", "Requested resource not found.")
        job = self.jobs[name]
        if job[f"{kind}Status"] == "InProgress":
            job["left"] -= 1
            if job["left"] < 0:
                status, reason = self._account.jobs_end.get(kind, ("Completed", ""))
                job[f"{kind}Status"] = status
                if reason:
                    job["FailureReason"] = reason
                if kind == "HyperParameterTuningJob" and status == "Completed":
                    job["BestTrainingJob"] = {
                        "TrainingJobName": f"{name}-001-abc",
                        "TunedHyperParameters": {"learning-rate": "0.004"},
                    }
        job["SecondaryStatus"] = job[f"{kind}Status"]
        return job

    def _stop(self, kind: str, name: str) -> Json:
        self.jobs[name][f"{kind}Status"] = "Stopped"
        return {}

    def create_training_job(self, **request: Any) -> Json:
        return self._start("TrainingJob", "training-job", request)

    def describe_training_job(self, TrainingJobName: str) -> Json:  # noqa: N803
        return self._look("TrainingJob", TrainingJobName)

    def stop_training_job(self, TrainingJobName: str) -> Json:  # noqa: N803
        return self._stop("TrainingJob", TrainingJobName)

    def create_hyper_parameter_tuning_job(self, **request: Any) -> Json:
        return self._start("HyperParameterTuningJob", "hyper-parameter-tuning-job", request)

    def describe_hyper_parameter_tuning_job(self, HyperParameterTuningJobName: str) -> Json:  # noqa: N803
        return self._look("HyperParameterTuningJob", HyperParameterTuningJobName)

    def stop_hyper_parameter_tuning_job(self, HyperParameterTuningJobName: str) -> Json:  # noqa: N803
        return self._stop("HyperParameterTuningJob", HyperParameterTuningJobName)

    # the registry

    def create_model_package(self, **request: Any) -> Json:
        for each in self.packages:
            if each["ClientToken"] == request["ClientToken"]:
                return {"ModelPackageArn": each["arn"]}
        arn = f"{_ARN}model-package/{ENDPOINT}/{len(self.packages) + 1}"
        self.packages.append({**request, "arn": arn})
        return {"ModelPackageArn": arn}
