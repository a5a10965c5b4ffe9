from typing import Any

import boto3
import pytest
from moto import mock_aws

from common.execution import Execution
from removal.clients import Clients
from removal.everything import Settings, remove
from tests.functions.account import BUCKET, PROJECT, Account, refusal
from tests.functions.clean_up.test_jobs import busy
from tests.functions.release.test_rollout import live, register
from tests.functions.release.test_rollout import run as release_one

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:machine"
SETTINGS = Settings("kennel", BUCKET, PROJECT, "kennel", MACHINE, keep_data=True)


class Lists:
    """What the removal needs of the account beside what other functions do: lists."""

    def __init__(self, account: Account, transforms: tuple[str, ...] = ()) -> None:
        self._account = account
        self.transforms = dict.fromkeys(transforms, "InProgress")
        self.executions = {"running": "RUNNING"}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._account.sagemaker, name)

    def _jobs(self, kind: str, contains: str) -> dict[str, Any]:
        found = [
            {f"{kind}Name": name, f"{kind}Arn": job[f"{kind}Arn"]}
            for name, job in self._account.endpoints.jobs.items()
            if job["kind"] == kind and contains in name and job[f"{kind}Status"] == "InProgress"
        ]
        return {f"{kind}Summaries": found}

    def list_training_jobs(self, NameContains: str, **_more: Any) -> Any:  # noqa: N803
        return self._jobs("TrainingJob", NameContains)

    def list_hyper_parameter_tuning_jobs(self, NameContains: str, **_more: Any) -> Any:  # noqa: N803
        return self._jobs("HyperParameterTuningJob", NameContains)

    def list_transform_jobs(self, NameContains: str, **_more: Any) -> Any:  # noqa: N803
        found = [
            {"TransformJobName": name, "TransformJobArn": name}
            for name, status in self.transforms.items()
            if NameContains in name and status == "InProgress"
        ]
        return {"TransformJobSummaries": found}

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
        found = [{"ModelPackageArn": each["arn"]} for each in self._account.endpoints.packages]
        return {"ModelPackageSummaryList": found}

    def delete_model_package(self, ModelPackageName: str) -> Any:  # noqa: N803
        kept = [e for e in self._account.endpoints.packages if e["arn"] != ModelPackageName]
        self._account.endpoints.packages = kept
        return {}

    def list_executions(self, **request: Any) -> Any:
        assert request["stateMachineArn"] == MACHINE
        found = [n for n, status in self.executions.items() if status == request["statusFilter"]]
        return {"executions": [{"executionArn": name} for name in found]}

    def stop_execution(self, executionArn: str, **_more: Any) -> Any:  # noqa: N803
        self.executions[executionArn] = "ABORTED"
        return {}


def run(account: Account, lists: Lists, settings: Settings = SETTINGS) -> list[str]:
    clients = Clients(lists, account.autoscaling, account.codebuild, lists, account.s3)
    return remove(settings, clients)


def to_the_end(account: Account, lists: Lists) -> list[list[str]]:
    """Ask until nothing is left, and once more."""
    said = []
    for _ in range(20):
        said.append(run(account, lists))
        if not said[-1]:
            assert run(account, lists) == []
            return said
    pytest.fail(f"it never ends: {said[-1]}")


def of_this_machine(account: Account) -> Account:
    for tags in account.endpoints.tags.values():
        name = tags["kennel:execution"].rpartition(":")[2]
        tags["kennel:execution"] = MACHINE.replace("stateMachine", "execution") + f":{name}"
    return account


def test_nothing_of_a_stack_in_use_is_left() -> None:
    account = live()
    register(account)
    release_one(account, "two")  # in the middle of an update, which takes a while
    account.endpoints.packages = [{"arn": "a1"}, {"arn": "a2"}]
    of_this_machine(account)
    lists = Lists(account)
    said = to_the_end(account, lists)
    assert "the execution running" in said[0]
    assert "the endpoint kennel, which is Updating" in said[0]
    assert account.endpoints.endpoint is None
    assert account.endpoints.models == account.endpoints.configs == {}
    assert account.endpoints.packages == []
    assert account.scaling.target is None
    assert lists.executions == {"running": "ABORTED"}


def test_jobs_and_builds_are_stopped() -> None:
    account = of_this_machine(busy())
    lists = Lists(account, ("kennel-batch-1", "other-kennel-batch"))
    to_the_end(account, lists)
    jobs = account.endpoints.jobs.values()
    assert {job[f"{job['kind']}Status"] for job in jobs} == {"Stopped"}
    assert {build["buildStatus"] for build in account.builds.builds.values()} == {"STOPPED"}
    assert lists.transforms == {"kennel-batch-1": "Stopped", "other-kennel-batch": "InProgress"}


def test_what_is_another_stacks_stays() -> None:
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
    to_the_end(account, Lists(account))
    assert set(account.endpoints.models) == {"kennel-2-abc", "kennel-old"}
    jobs = account.endpoints.jobs.values()
    assert {job[f"{job['kind']}Status"] for job in jobs} == {"InProgress"}


def test_empty_stack() -> None:
    account = Account()
    lists = Lists(account)
    lists.executions = {}
    assert run(account, lists) == []


def test_refusal_is_no_absence() -> None:
    account = live()
    account.refusals["DeleteEndpoint"] = [refusal("AccessDeniedException", "You may not.")]
    lists = Lists(account)
    lists.executions = {}
    with pytest.raises(Exception, match="AccessDenied"):
        run(account, lists)


def test_bucket_goes_with_all_its_versions_where_nobody_keeps_it(
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
        lists = Lists(account)
        lists.executions = {}
        clients = Clients(lists, account.autoscaling, account.codebuild, lists, s3)
        settings = Settings("kennel", BUCKET, "", "kennel", MACHINE, keep_data=False)
        assert remove(SETTINGS, clients) == []
        assert [each["Name"] for each in s3.list_buckets()["Buckets"]] == [BUCKET]  # kept
        assert remove(settings, clients) == [f"what is in the bucket {BUCKET}"]
        assert remove(settings, clients) == remove(settings, clients) == []
        assert s3.list_buckets()["Buckets"] == []
