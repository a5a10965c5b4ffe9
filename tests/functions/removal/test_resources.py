from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from moto import mock_aws

from common.execution import Execution
from removal.clients import Clients
from removal.resources import RemovalSettings, remove
from tests.functions.aws_account import BUCKET, PROJECT, Account, client_error, paginator
from tests.functions.clean_up.test_jobs import busy
from tests.functions.release.test_rollout import live, register
from tests.functions.release.test_rollout import run as release_one

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_sagemaker.client import SageMakerClient
    from types_boto3_stepfunctions.client import SFNClient

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:machine"
CLEAN_UP_MACHINE = f"{MACHINE}-clean-up"
RUNNING, CLEANING = f"{MACHINE}:running", f"{CLEAN_UP_MACHINE}:cleaning"
SETTINGS = RemovalSettings(
    "kennel", BUCKET, PROJECT, "kennel", MACHINE, CLEAN_UP_MACHINE, keep_data=True
)


class FakeClient:
    """A client of SageMaker and Step Functions with the list operations that Account lacks."""

    def __init__(self, account: Account, transforms: tuple[str, ...] = ()) -> None:
        self._account = account
        self.transforms = dict.fromkeys(transforms, "InProgress")
        self.executions = dict.fromkeys((RUNNING, CLEANING), "RUNNING")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._account.sagemaker, name)

    def get_paginator(self, method: str) -> Any:
        service = "stepfunctions" if method == "list_executions" else "sagemaker"
        return paginator(self, service, method)

    def clients(self, s3: "S3Client | None" = None) -> Clients:
        return Clients(
            cast("SageMakerClient", self),
            self._account.autoscaling,
            self._account.codebuild,
            cast("SFNClient", self),
            s3 or self._account.s3,
        )

    def _jobs(self, kind: str, contains: str) -> dict[str, Any]:
        jobs = [
            {f"{kind}Name": name, f"{kind}Arn": job[f"{kind}Arn"]}
            for name, job in self._account.endpoints.jobs.items()
            if job["kind"] == kind and contains in name and job[f"{kind}Status"] == "InProgress"
        ]
        return {f"{kind}Summaries": jobs}

    def list_training_jobs(self, NameContains: str, **_more: Any) -> Any:  # noqa: N803
        return self._jobs("TrainingJob", NameContains)

    def list_hyper_parameter_tuning_jobs(self, NameContains: str, **_more: Any) -> Any:  # noqa: N803
        return self._jobs("HyperParameterTuningJob", NameContains)

    def list_transform_jobs(self, NameContains: str, **_more: Any) -> Any:  # noqa: N803
        jobs = [
            {"TransformJobName": name, "TransformJobArn": name}
            for name, status in self.transforms.items()
            if NameContains in name and status == "InProgress"
        ]
        return {"TransformJobSummaries": jobs}

    def stop_transform_job(self, TransformJobName: str) -> Any:  # noqa: N803
        self.transforms[TransformJobName] = "Stopped"
        return {}

    def list_endpoint_configs(self, **_request: Any) -> Any:
        return {"EndpointConfigs": list(self._account.endpoints.configs.values())}

    def list_models(self, **request: Any) -> Any:  # a page for each
        models = list(self._account.endpoints.models.values())
        place = int(request.get("NextToken", 0))
        more = {"NextToken": str(place + 1)} if place + 1 < len(models) else {}
        return {"Models": models[place : place + 1], **more}

    def list_model_packages(self, **_request: Any) -> Any:
        versions = [{"ModelPackageArn": each["arn"]} for each in self._account.endpoints.packages]
        return {"ModelPackageSummaryList": versions}

    def delete_model_package(self, ModelPackageName: str) -> Any:  # noqa: N803
        kept = [e for e in self._account.endpoints.packages if e["arn"] != ModelPackageName]
        self._account.endpoints.packages = kept
        return {}

    def list_executions(self, **request: Any) -> Any:
        prefix = f"{request['stateMachineArn']}:"
        running = [
            arn
            for arn, status in self.executions.items()
            if arn.startswith(prefix) and status == request["statusFilter"]
        ]
        return {"executions": [{"executionArn": arn} for arn in running]}

    def stop_execution(self, executionArn: str, **_more: Any) -> Any:  # noqa: N803
        self.executions[executionArn] = "ABORTED"
        return {}


def remove_fully(client: FakeClient) -> list[list[str]]:
    """Call until nothing is left, and once more; return the results."""
    results = []
    for _ in range(20):
        results.append(remove(SETTINGS, client.clients()))
        if not results[-1]:
            assert remove(SETTINGS, client.clients()) == []
            return results
    pytest.fail(f"left after 20 calls: {results[-1]}")


def tag_with_this_machine(account: Account) -> Account:
    for tags in account.endpoints.tags.values():
        name = tags["kennel:execution"].rpartition(":")[2]
        tags["kennel:execution"] = MACHINE.replace("stateMachine", "execution") + f":{name}"
    return account


def test_stack_in_use_is_removed_fully() -> None:
    account = live()
    register(account)
    release_one(account, "two")  # an update in progress
    account.endpoints.packages = [{"arn": "a1"}, {"arn": "a2"}]
    tag_with_this_machine(account)
    client = FakeClient(account)
    results = remove_fully(client)
    assert {"the execution running", "the execution cleaning"} <= set(results[0])
    assert "the endpoint kennel, which is Updating" in results[0]
    assert account.endpoints.endpoint is None
    assert account.endpoints.models == account.endpoints.configs == {}
    assert account.endpoints.packages == []
    assert account.scaling.target is None
    assert client.executions == {RUNNING: "ABORTED", CLEANING: "ABORTED"}


def test_jobs_and_builds_are_stopped() -> None:
    account = tag_with_this_machine(busy())
    client = FakeClient(account, ("kennel-batch-1", "other-kennel-batch"))
    remove_fully(client)
    jobs = account.endpoints.jobs.values()
    assert {job[f"{job['kind']}Status"] for job in jobs} == {"Stopped"}
    assert {build["buildStatus"] for build in account.builds.builds.values()} == {"STOPPED"}
    assert client.transforms == {"kennel-batch-1": "Stopped", "other-kennel-batch": "InProgress"}


def test_resources_of_another_stack_stay() -> None:
    account = busy()
    other = Execution("arn:aws:states:us-east-1:123456789012:execution:machine-2:one")
    for name in ("kennel-2-abc", "kennel-old"):
        account.sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn="arn:aws:iam::123456789012:role/x",
            Tags=[{"Key": "kennel:execution", "Value": other.arn}],
        )
    for tags in account.endpoints.tags.values():
        tags["kennel:execution"] = other.arn
    remove_fully(FakeClient(account))
    assert set(account.endpoints.models) == {"kennel-2-abc", "kennel-old"}
    jobs = account.endpoints.jobs.values()
    assert {job[f"{job['kind']}Status"] for job in jobs} == {"InProgress"}


def test_another_persons_jobs_do_not_stop_the_deletion() -> None:
    account = tag_with_this_machine(busy())
    jobs = account.endpoints.jobs
    for name, kind in [("risk-2026", "TrainingJob"), ("bank-tuning", "HyperParameterTuningJob")]:
        arn = f"arn:aws:sagemaker:us-east-1:123456789012:x/{name}"
        jobs[name] = {"kind": kind, f"{kind}Arn": arn, f"{kind}Status": "InProgress"}
    like_ours = "arn:aws:sagemaker:us-east-1:123456789012:training-job/k-alike"
    jobs["k-alike"] = {
        "kind": "TrainingJob",
        "TrainingJobArn": like_ours,
        "TrainingJobStatus": "InProgress",
    }
    client = FakeClient(account)
    list_tags = account.sagemaker.list_tags
    asked = []

    def refused(ResourceArn: str) -> Any:  # noqa: N803
        asked.append(ResourceArn)
        if ResourceArn == like_ours:
            raise client_error("AccessDeniedException", "not authorized: sagemaker:ListTags")
        return list_tags(ResourceArn=ResourceArn)

    client.list_tags = refused  # type: ignore[attr-defined]
    remove_fully(client)
    theirs = {"risk-2026", "bank-tuning", "k-alike"}
    for name, job in jobs.items():
        assert job[f"{job['kind']}Status"] == ("InProgress" if name in theirs else "Stopped"), name
    assert like_ours in asked
    assert not [arn for arn in asked if arn.endswith(("/risk-2026", "/bank-tuning"))]


def test_empty_stack() -> None:
    account = Account()
    client = FakeClient(account)
    client.executions = {}
    assert remove(SETTINGS, client.clients()) == []


def test_denied_deletion_is_an_error() -> None:
    account = live()
    account.errors["DeleteEndpoint"] = [client_error("AccessDeniedException", "You may not.")]
    client = FakeClient(account)
    client.executions = {}
    with pytest.raises(Exception, match="AccessDenied"):
        remove(SETTINGS, client.clients())


def test_bucket_is_deleted_with_all_versions_unless_data_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        for content in (b"1", b"2"):
            s3.put_object(Bucket=BUCKET, Key="data/a.jpg", Body=content)
        s3.delete_object(Bucket=BUCKET, Key="data/a.jpg")
        account = Account()
        client = FakeClient(account)
        client.executions = {}
        clients = client.clients(s3)
        settings = replace(SETTINGS, project="", keep_data=False)
        assert remove(SETTINGS, clients) == []
        assert [each["Name"] for each in s3.list_buckets()["Buckets"]] == [BUCKET]  # kept
        assert remove(settings, clients) == [f"the contents of the bucket {BUCKET}"]
        assert remove(settings, clients) == remove(settings, clients) == []
        assert s3.list_buckets()["Buckets"] == []
