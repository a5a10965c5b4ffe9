"""An in-memory AWS account for the tests of the functions and of the state machine.

It emulates the operations that the functions call: requests are validated by botocore's model of
each service, resources change state in SageMaker's order, and a test can inject errors. The tests
of the offline cloud (tests/kennel/cloud) run real components instead.

    account = Account()
    account.refuse("CreateEndpoint", "ResourceLimitExceeded", "The quota is 0.")
    account.jobs_end["TrainingJob"] = ("Failed", "CapacityError: no ml.m5.xlarge")
"""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, cast

import botocore.session
from botocore.exceptions import ClientError
from botocore.paginate import Paginator as BotocorePaginator
from botocore.validate import validate_parameters

if TYPE_CHECKING:
    from types_boto3_application_autoscaling.client import ApplicationAutoScalingClient
    from types_boto3_codebuild.client import CodeBuildClient
    from types_boto3_ecr.client import ECRClient
    from types_boto3_s3.client import S3Client
    from types_boto3_sagemaker.client import SageMakerClient
    from types_boto3_sagemaker_runtime.client import SageMakerRuntimeClient

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


def paginator(client: object, service: str, method: str) -> BotocorePaginator[Any]:
    """Return botocore's paginator over a fake client's list method."""
    operation = operations(service)[method]
    config = _SESSION.get_paginator_model(service).get_paginator(operation.name)
    return BotocorePaginator(getattr(client, method), config, operation)


def client_error(code: str, message: str, operation: str = "Any") -> ClientError:
    """Make an error of AWS as boto3 raises it."""
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class Client:
    """A fake boto3 client of one service."""

    #: Called with service, operation and request of every call; used by tests/iam.
    on_call: ClassVar[Callable[[str, str, Json], None] | None] = None

    def __init__(self, account: Account, service: str, backend: object) -> None:
        self._account = account
        self._service = service
        self._backend = backend

    def __getattr__(self, method: str) -> Any:
        operation = operations(self._service)[method]

        def call(**request: Any) -> Json:
            validate_parameters(request, operation.input_shape)
            self._account.calls.append((operation.name, request))
            if Client.on_call:
                Client.on_call(self._service, operation.name, request)
            errors = self._account.errors.get(operation.name, [])
            if errors:
                error = errors[0] if len(errors) == 1 else errors.pop(0)
                if error is not None:
                    raise error
            response: Json = getattr(self._backend, method)(**request)
            if operation.name in self._account.times_out:
                self._account.times_out.remove(operation.name)
                raise TimeoutError(operation.name)
            return response

        return call

    def get_paginator(self, method: str) -> BotocorePaginator[Any]:
        return paginator(self, self._service, method)


@dataclass
class Account:
    """State of all services."""

    calls: list[tuple[str, Json]] = field(default_factory=list)
    #: Errors of an operation, one for each call; the last one stays, None is success.
    errors: dict[str, list[ClientError | None]] = field(default_factory=dict)
    times_out: list[str] = field(default_factory=list)  # executed, but the response is lost
    #: Final status and reason of a kind of job, reached after `polls` describe calls.
    jobs_end: dict[str, tuple[str, str]] = field(default_factory=dict)
    trials_fail: list[str] = field(default_factory=list)  # reasons of a tuning's failed jobs
    #: Results of the endpoint's next changes: "done", "back" (rolled back silently), "failed".
    changes_end: list[str] = field(default_factory=list)
    build_ends: str = "SUCCEEDED"
    polls: int = 1
    answer: object = None  # of the endpoint: a prediction, or an exception to raise
    on_start: Callable[[str], None] = lambda _name: None  # called when a job starts

    def __post_init__(self) -> None:
        """Create the services; the fakes are cast to boto3's client types here only."""
        self.objects: dict[str, bytes] = {}
        self.endpoints = _SageMaker(self)
        self.scaling = _AutoScaling(self)
        self.builds = _CodeBuild(self)
        self.messages: list[str] = []
        self.sagemaker = cast("SageMakerClient", Client(self, "sagemaker", self.endpoints))
        self.autoscaling = cast(
            "ApplicationAutoScalingClient", Client(self, "application-autoscaling", self.scaling)
        )
        self.s3 = cast("S3Client", Client(self, "s3", _S3(self.objects)))
        self.codebuild = cast("CodeBuildClient", Client(self, "codebuild", self.builds))
        self.ecr = cast("ECRClient", Client(self, "ecr", self.builds))
        self.runtime = cast(
            "SageMakerRuntimeClient", Client(self, "sagemaker-runtime", _Runtime(self))
        )

    def refuse(
        self, operation: str, code: str, message: str = "No.", times: int | None = None
    ) -> None:
        """Make an operation fail, always or some times."""
        error = client_error(code, message, operation)
        self.errors[operation] = [error] if times is None else [*[error] * times, None]

    def called(self, *operations: str) -> list[str]:
        """Return the names of the calls so far, only of these operations if any are given."""
        return [name for name, _ in self.calls if not operations or name in operations]


class _S3:
    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    def get_object(self, Bucket: str, Key: str, Range: str = "bytes=0-") -> Json:  # noqa: N803
        assert Bucket == BUCKET
        if Key not in self.objects:
            raise client_error("NoSuchKey", "The specified key does not exist.")
        first, _, last = Range.removeprefix("bytes=").partition("-")
        end = int(last) + 1 if last else None
        content = self.objects[Key]
        return {"Body": io.BytesIO(content[int(first) : end]), "ETag": _etag(content)}

    def put_object(self, Bucket: str, Key: str, Body: Any, **more: Any) -> Json:  # noqa: N803
        assert Bucket == BUCKET
        if more.get("IfNoneMatch") == "*" and Key in self.objects:
            raise client_error("PreconditionFailed", "The object exists.")
        self.objects[Key] = Body if isinstance(Body, bytes) else Body.read()
        return {}

    def copy_object(self, Bucket: str, Key: str, CopySource: str, **more: Any) -> Json:  # noqa: N803
        bucket, _, source = CopySource.partition("/")
        assert Bucket == bucket == BUCKET
        content = self.objects[source]
        if _etag(content) != more["CopySourceIfMatch"] or Key in self.objects:
            assert more["IfNoneMatch"] == "*"
            raise client_error("PreconditionFailed", "At least one of the pre-conditions failed.")
        self.objects[Key] = content
        return {}

    def delete_object(self, Bucket: str, Key: str) -> Json:  # noqa: N803
        assert Bucket == BUCKET
        self.objects.pop(Key, None)
        return {}

    def head_object(self, Bucket: str, Key: str, ChecksumMode: str = "") -> Json:  # noqa: N803
        assert Bucket == BUCKET
        if Key not in self.objects:
            raise client_error("404", "Not Found")
        if not ChecksumMode:
            return {}
        digest = hashlib.sha256(self.objects[Key]).digest()
        return {"ChecksumSHA256": base64.b64encode(digest).decode()}

    def list_objects_v2(self, Bucket: str, Prefix: str) -> Json:  # noqa: N803
        assert Bucket == BUCKET
        listed = [
            {"Key": key, "Size": len(body), "ETag": _etag(body)}
            for key, body in sorted(self.objects.items())
            if key.startswith(Prefix)
        ]
        return {"Contents": listed}


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content).hexdigest()}"'  # noqa: S324


class _AutoScaling:
    def __init__(self, account: Account) -> None:
        self._account = account
        self.target: Json | None = None
        self.policies: dict[str, Json] = {}
        self.actions: dict[str, Json] = {}

    def describe_scalable_targets(self, **request: Any) -> Json:
        assert request["ResourceIds"] == [f"endpoint/{ENDPOINT}/variant/AllTraffic"]
        return {"ScalableTargets": [self.target] if self.target else []}

    def describe_scaling_policies(self, **_request: Any) -> Json:
        return {"ScalingPolicies": list(self.policies.values())}

    def register_scalable_target(self, **request: Any) -> Json:
        if self._account.endpoints.endpoint is None:
            raise client_error("ValidationException", "Could not find the endpoint.")
        capacity = {key: value for key, value in request.items() if key.endswith("Capacity")}
        self.target = {**(self.target or {}), **capacity}
        return {}

    def put_scaling_policy(self, **request: Any) -> Json:
        assert self.target, "AWS answers ObjectNotFoundException"
        fields = ("PolicyName", "PolicyType", "TargetTrackingScalingPolicyConfiguration")
        self.policies[request["PolicyName"]] = {key: request[key] for key in fields}
        return {"PolicyARN": "arn", "Alarms": []}

    def delete_scaling_policy(self, PolicyName: str, **_more: Any) -> Json:  # noqa: N803
        del self.policies[PolicyName]
        return {}

    def deregister_scalable_target(self, **_request: Any) -> Json:
        assert self.target, "AWS answers ObjectNotFoundException"
        self.target, self.policies, self.actions = None, {}, {}
        return {}

    def describe_scheduled_actions(self, **request: Any) -> Json:
        names = request.get("ScheduledActionNames", self.actions)
        return {"ScheduledActions": [self.actions[name] for name in names if name in self.actions]}

    def put_scheduled_action(self, **request: Any) -> Json:
        assert self.target, "AWS answers ObjectNotFoundException"
        fields = ("ScheduledActionName", "Schedule", "Timezone", "ScalableTargetAction")
        self.actions[request["ScheduledActionName"]] = {key: request[key] for key in fields}
        return {}

    def delete_scheduled_action(self, ScheduledActionName: str, **_more: Any) -> Json:  # noqa: N803
        del self.actions[ScheduledActionName]
        return {}


class _CodeBuild:
    """CodeBuild and ECR: a successful build creates an image."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.images: set[str] = set()
        self.media_type = "application/vnd.docker.distribution.manifest.v2+json"
        self.builds: dict[str, Json] = {}
        self.tokens: dict[str, str] = {}

    def describe_images(self, imageIds: list[Json], **_more: Any) -> Json:  # noqa: N803
        if not self.images & set(imageIds[0].values()):
            raise client_error("ImageNotFoundException", "There is no such image.")
        return {"imageDetails": [{"imageManifestMediaType": self.media_type}]}

    def list_builds_for_project(self, **_request: Any) -> Json:
        return {"ids": list(reversed(self.builds))}

    def batch_get_builds(self, ids: list[str]) -> Json:
        for build in self.builds.values():
            if build["buildStatus"] == "IN_PROGRESS":
                build["polls_left"] -= 1
                if build["polls_left"] < 0:
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
                "polls_left": self._account.polls,
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


def _running(config: Json, count: int) -> Json:
    """Describe the variant of an endpoint: its instances, or that it is serverless."""
    (variant,) = config["ProductionVariants"]
    if "ServerlessConfig" in variant:
        return {"CurrentServerlessConfig": variant["ServerlessConfig"]}
    return {"CurrentInstanceCount": count}


class _SageMaker:
    """Models, configurations, the endpoint, jobs, versions, and tags on all of them."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.models: dict[str, Json] = {}
        self.configs: dict[str, Json] = {}
        self.endpoint: Json | None = None
        self.jobs: dict[str, Json] = {}  # by name, of both kinds
        self.packages: list[Json] = []
        self.groups = {ENDPOINT}
        self.tags: dict[str, dict[str, str]] = {}  # by ARN
        self.polls_left = 0  # describe calls until the endpoint's change is done

    # tags

    def _tag(self, arn: str, tags: list[Json]) -> None:
        self.tags.setdefault(arn, {}).update({each["Key"]: each["Value"] for each in tags})

    def list_tags(self, ResourceArn: str) -> Json:  # noqa: N803
        tags = self.tags.get(ResourceArn, {})
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def add_tags(self, ResourceArn: str, Tags: list[Json]) -> Json:  # noqa: N803
        self._tag(ResourceArn, Tags)
        return {}

    # models and configurations

    def _create(self, store: dict[str, Json], kind: str, prefix: str, request: Json) -> Json:
        name, arn = request[f"{prefix}Name"], f"{_ARN}{kind}/{request[f'{prefix}Name']}"
        if name in store:
            raise client_error("ValidationException", f"Cannot create already existing {kind}")
        self._tag(arn, request.pop("Tags", []))
        store[name] = {**request, f"{prefix}Arn": arn}
        return {f"{prefix}Arn": arn}

    @staticmethod
    def _get(store: dict[str, Json], name: str) -> Json:
        if name not in store:
            raise client_error("ValidationException", f'Could not find "{name}".')
        return store[name]

    def create_model(self, **request: Any) -> Json:
        return self._create(self.models, "model", "Model", request)

    def describe_model(self, ModelName: str) -> Json:  # noqa: N803
        return self._get(self.models, ModelName)

    def delete_model(self, ModelName: str) -> Json:  # noqa: N803
        self._get(self.models, ModelName)
        del self.models[ModelName]
        return {}

    def create_endpoint_config(self, **request: Any) -> Json:
        return self._create(self.configs, "endpoint-config", "EndpointConfig", request)

    def describe_endpoint_config(self, EndpointConfigName: str) -> Json:  # noqa: N803
        return self._get(self.configs, EndpointConfigName)

    def delete_endpoint_config(self, EndpointConfigName: str) -> Json:  # noqa: N803
        self._get(self.configs, EndpointConfigName)
        del self.configs[EndpointConfigName]
        return {}

    # the endpoint

    def create_endpoint(self, EndpointName: str, EndpointConfigName: str, Tags: Any = ()) -> Json:  # noqa: N803
        if self.endpoint is not None:
            raise client_error("ValidationException", "Cannot create already existing endpoint")
        self._get(self.configs, EndpointConfigName)
        self._tag(f"{_ARN}endpoint/{EndpointName}", list(Tags))
        self.endpoint = {
            "EndpointName": EndpointName,
            "EndpointConfigName": EndpointConfigName,
            "EndpointStatus": "Creating",
            "ProductionVariants": [_running(self.configs[EndpointConfigName], 0)],
            "LastModifiedTime": datetime(2026, 1, 1, tzinfo=UTC),
        }
        self.polls_left = self._account.polls
        return {}

    def update_endpoint(self, EndpointName: str, EndpointConfigName: str, **more: Any) -> Json:  # noqa: N803
        assert self.endpoint is not None
        if self.endpoint["EndpointStatus"] != "InService":
            raise client_error(
                "ValidationException", f'Cannot update in-progress "{EndpointName}".'
            )
        config = self._get(self.configs, EndpointConfigName)
        assert self._account.scaling.target is None, "the update of a registered variant fails"
        (variant,) = config["ProductionVariants"]
        if "ServerlessConfig" in variant:
            (live,) = self.configs[self.endpoint["EndpointConfigName"]]["ProductionVariants"]
            assert "ServerlessConfig" in live, "SageMaker answers ValidationException"
            assert "DeploymentConfig" not in more
        count = variant.get("InitialInstanceCount", 0)
        if more.get("RetainAllVariantProperties"):
            count = self.endpoint["ProductionVariants"][0].get("CurrentInstanceCount", 0)
        self.endpoint["EndpointStatus"] = "Updating"
        self.endpoint["PendingDeploymentSummary"] = {"EndpointConfigName": EndpointConfigName}
        self.endpoint["count"] = count
        self.polls_left = self._account.polls
        return {}

    def delete_endpoint(self, EndpointName: str) -> Json:  # noqa: N803
        assert self.endpoint is not None
        if self.endpoint["EndpointStatus"] in {"Creating", "Updating", "RollingBack"}:
            raise client_error(
                "ValidationException", f'Cannot delete in-progress "{EndpointName}".'
            )
        self.endpoint["EndpointStatus"] = "Deleting"
        self.polls_left = self._account.polls
        return {}

    def describe_endpoint(self, EndpointName: str) -> Json:  # noqa: N803
        if self.endpoint is not None and self.endpoint["EndpointStatus"] in {
            *("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")
        }:
            self.polls_left -= 1
            if self.polls_left < 0:
                self.settle()
        if self.endpoint is None:
            raise client_error("ValidationException", f'Could not find endpoint "{EndpointName}".')
        return dict(self.endpoint)

    def settle(self) -> None:
        """Complete the endpoint's change."""
        assert self.endpoint is not None
        if self.endpoint["EndpointStatus"] == "Deleting":
            self.endpoint = None
            return
        result = self._account.changes_end.pop(0) if self._account.changes_end else "done"
        creating = self.endpoint["EndpointStatus"] == "Creating"
        pending = self.endpoint.pop("PendingDeploymentSummary", {})
        count = self.endpoint.pop("count", None)
        self.endpoint["EndpointStatus"] = "InService"
        if result == "failed" and creating:
            self.endpoint["EndpointStatus"] = "Failed"
            self.endpoint["FailureReason"] = "The container did not pass the ping health check."
        elif result == "done" and creating:
            config = self.configs[self.endpoint["EndpointConfigName"]]
            count = config["ProductionVariants"][0].get("InitialInstanceCount", 0)
            self.endpoint["ProductionVariants"] = [_running(config, count)]
        elif result == "done" and pending:
            self.endpoint["EndpointConfigName"] = pending["EndpointConfigName"]
            config = self.configs[pending["EndpointConfigName"]]
            self.endpoint["ProductionVariants"] = [_running(config, count)]
            self.endpoint.pop("FailureReason", None)
        elif result == "failed":  # SageMaker's reason after a rollback
            self.endpoint["FailureReason"] = "One or more alarms went off."

    # jobs

    def _start(self, kind: str, path: str, request: Json) -> Json:
        name = request[f"{kind}Name"]
        arn = f"{_ARN}{path}/{name}"
        if name in self.jobs:
            raise client_error("ResourceInUse", f"The job {name} exists.")
        self._tag(arn, request.pop("Tags", []))
        self.jobs[name] = {
            **request,
            f"{kind}Arn": arn,
            f"{kind}Status": "InProgress",
            "polls_left": self._account.polls,
            "kind": kind,
        }
        self._account.on_start(name)
        return {f"{kind}Arn": arn}

    def _describe(self, kind: str, name: str) -> Json:
        if name not in self.jobs:
            raise client_error("ResourceNotFound", "Requested resource not found.")
        job = self.jobs[name]
        if job[f"{kind}Status"] == "InProgress":
            job["polls_left"] -= 1
            if job["polls_left"] < 0:
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
        return self._describe("TrainingJob", TrainingJobName)

    def stop_training_job(self, TrainingJobName: str) -> Json:  # noqa: N803
        return self._stop("TrainingJob", TrainingJobName)

    def create_hyper_parameter_tuning_job(self, **request: Any) -> Json:
        return self._start("HyperParameterTuningJob", "hyper-parameter-tuning-job", request)

    def describe_hyper_parameter_tuning_job(self, HyperParameterTuningJobName: str) -> Json:  # noqa: N803
        return self._describe("HyperParameterTuningJob", HyperParameterTuningJobName)

    def stop_hyper_parameter_tuning_job(self, HyperParameterTuningJobName: str) -> Json:  # noqa: N803
        return self._stop("HyperParameterTuningJob", HyperParameterTuningJobName)

    def list_training_jobs_for_hyper_parameter_tuning_job(self, **request: Any) -> Json:
        """List the reasons in `trials_fail`, each of one failed job, oldest first."""
        assert (request["StatusEquals"], request["SortBy"]) == ("Failed", "CreationTime")
        name = request["HyperParameterTuningJobName"]
        failed = [
            {"TrainingJobName": f"{name}-{number:03}-abc", "FailureReason": reason}
            for number, reason in enumerate(self._account.trials_fail, 1)
        ]
        return {"TrainingJobSummaries": failed[: request["MaxResults"]]}

    # the registry

    def describe_model_package_group(self, ModelPackageGroupName: str) -> Json:  # noqa: N803
        if ModelPackageGroupName not in self.groups:
            raise client_error("ValidationException", "ModelPackageGroup does not exist.")
        return {}

    def create_model_package(self, **request: Any) -> Json:
        for each in self.packages:
            if each["ClientToken"] == request["ClientToken"]:
                return {"ModelPackageArn": each["arn"]}
        arn = f"{_ARN}model-package/{ENDPOINT}/{len(self.packages) + 1}"
        self.packages.append({**request, "arn": arn})
        return {"ModelPackageArn": arn}

    def describe_model_package(self, ModelPackageName: str) -> Json:  # noqa: N803
        for each in self.packages:
            if each["arn"] == ModelPackageName:
                return each
        raise client_error("ValidationException", f"ModelPackage {ModelPackageName} not found.")
