from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from common.failures import PreflightFailed
from common.office_hours import OfficeHours
from preflight.checks import check
from preflight.clients import Clients
from preflight.parameters import PreflightSettings
from tests.functions.aws_account import BUCKET, Account, paginator
from tests.functions.few_photos import few_photos, photo
from tests.functions.preflight.live import live
from tests.functions.scaling import SCALING, SERVERLESS

if TYPE_CHECKING:
    from types_boto3_service_quotas.client import ServiceQuotasClient

ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
AWS_ECR = "763104351884.dkr.ecr.eu-west-1.amazonaws.com"
GOOD = PreflightSettings(
    endpoint_name="kennel",
    bucket=BUCKET,
    serving_image="",
    training_image=f"{AWS_ECR}/pytorch:2.14-cpu-amzn2023-sagemaker",
    repository_uri=f"{ECR}/kennel/serving",
    group="kennel",
    instance_type="ml.c5.large",
    training_instance_type="ml.m5.xlarge",
    training_max_s=3600,
    check_quotas=True,
    scaling=SCALING,
)


BUILDS = "Concurrently running builds for Linux/Small environment"


class FakeQuotas:
    """A client of Service Quotas with one quota on each page."""

    def __init__(self, **values: float) -> None:
        self._quotas = values
        self.calls = 0

    def list_service_quotas(self, **request: Any) -> dict[str, Any]:
        self.calls += 1
        of_builds = request["ServiceCode"] == "codebuild"
        pages = [
            {"QuotaName": name, "Value": value}
            for name, value in self._quotas.items()
            if (name == BUILDS) is of_builds
        ]
        place = int(request.get("NextToken", 0))
        more = {"NextToken": str(place + 1)} if place + 1 < len(pages) else {}
        return {"Quotas": pages[place : place + 1], **more}

    def get_paginator(self, method: str) -> Any:
        return paginator(self, "service-quotas", method)


def quotas(**values: float) -> "ServiceQuotasClient":
    return cast("ServiceQuotasClient", FakeQuotas(**values))


def with_photos() -> Account:
    account = Account()
    account.objects |= few_photos()
    return account


def clients(account: Account | None = None, quota: "ServiceQuotasClient | None" = None) -> Clients:
    account = account or Account()
    return Clients(account.s3, account.sagemaker, account.ecr, quota or quotas())


def problems(
    settings: PreflightSettings = GOOD,
    given: Any = None,
    account: Account | None = None,
    quota_client: "ServiceQuotasClient | None" = None,
) -> str:
    try:
        check({} if given is None else given, settings, clients(account, quota_client))
    except PreflightFailed as failed:
        return " ".join(failed.problems)
    return ""


def test_without_photos_the_mode_is_pretrained() -> None:
    assert check({}, GOOD, clients()) == {
        "endpoint_name": "kennel",
        "instance_type": "ml.c5.large",
        "min_instances": 1,
        "max_instances": 5,
        "mode": "pretrained",
        "release": None,
        "tune": None,
        "hyperparameters": {},
        "data": {"photos": {}, "breeds": 0, "channels": {}},
        "warnings": [],
    }


VERSION = "arn:aws:sagemaker:us-east-1:123456789012:model-package/kennel/3"


@pytest.mark.parametrize("release", ["live", VERSION, f"s3://{BUCKET}/packages/0/model.tar.gz"])
def test_release_looks_at_no_photo(release: str) -> None:
    account = with_photos()
    account.objects |= {"data/stray/x.jpg": b"", "data/train/Pug/broken.jpg": b"no photo"}
    checked = check({"release": release}, GOOD, clients(account))
    assert (checked["mode"], checked["release"]) == ("release", release)
    assert checked["data"]["photos"] == {}


@pytest.mark.parametrize(
    ("release", "words"),
    [
        (VERSION.replace("/kennel/", "/another/"), "expected a version of this stack's group, ken"),
        ("s3://elsewhere/model.tar.gz", f"expected a package in s3://{BUCKET}/"),
    ],
)
def test_release_of_another_stack(release: str, words: str) -> None:
    with pytest.raises(PreflightFailed) as raised:
        check({"release": release}, GOOD, clients())
    (problem,) = raised.value.problems
    assert problem.startswith(f"release is {release}: ")
    assert words in problem


def test_with_photos_the_mode_is_train_or_tune() -> None:
    account = with_photos()
    checked = check({"hyperparameters": {"epochs": 3}}, GOOD, clients(account))
    assert checked["mode"] == "train"
    assert checked["hyperparameters"] == {"epochs": "3"}
    assert checked["data"] == {
        "photos": {"train": 10, "valid": 2, "test": 2},
        "breeds": 2,
        "channels": {"train": "data/train/", "valid": "data/valid/", "test": "data/test/"},
    }
    tune = {"max_jobs": 20, "parallel": 4}
    checked = check({"tune": tune}, GOOD, clients(account))
    assert (checked["mode"], checked["tune"]) == ("tune", tune)


@pytest.mark.parametrize(
    "given", [{"tune": {"max_jobs": 2, "parallel": 1}}, {"hyperparameters": {"epochs": 3}}]
)
def test_training_without_photos(given: Any) -> None:
    assert "s3://kennel-bucket/data/ holds no photos" in problems(given=given)


def test_finding_to_accept_that_does_not_exist() -> None:
    words = "The hyperparameter accept names 'dirt', and there is no such finding to accept"
    assert words in problems(given={"hyperparameters": {"accept": "dirt"}}, account=with_photos())


def test_missing_photos_are_reported() -> None:
    account = Account()
    account.objects["data/train/beagle/1.jpg"] = photo(1)
    assert "photos of one breed only (beagle)" in problems(account=account)


def test_jobs_that_would_exceed_the_executions_time() -> None:
    given = {"tune": {"max_jobs": 20, "parallel": 1}}
    words = problems(given=given, account=with_photos())
    assert "may take 21.0 hours (21 one after another of up to 3600 s)" in words


HOSTING = "ml.c5.large for endpoint usage"
TRAINING = "ml.m5.xlarge for training job usage"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (HOSTING, 0, "is 0, this execution needs 1 and a later one may need 10: an update"),
        (TRAINING, 0, "is 0, this execution needs 1: a training job runs on one instance."),
        (BUILDS, 0, "is 0, this execution needs 1: CodeBuild builds the serving image"),
    ],
)
def test_quota_too_small_for_the_first_release(name: str, value: float, words: str) -> None:
    fake = FakeQuotas(**{"another": 0, name: value})
    client = cast("ServiceQuotasClient", fake)
    assert words in problems(account=with_photos(), quota_client=client)
    assert fake.calls == (2 if name == BUILDS else 3)  # all pages


def running(count: int, instance_type: str = "ml.c5.large") -> Account:
    """An account with so many instances of a type behind the endpoint."""
    account = live()
    assert account.endpoints.endpoint is not None
    account.endpoints.endpoint["ProductionVariants"] = [{"CurrentInstanceCount": count}]
    account.endpoints.configs["kennel-1"]["ProductionVariants"][0]["InstanceType"] = instance_type
    return account


@pytest.mark.parametrize(
    ("account", "enough"),
    [
        (Account(), 1),
        (running(1), 2),  # the old one and the new one
        (running(3), 6),
        (running(7), 12),  # the new ones are no more than MaxInstances
        (running(3, "ml.m5.large"), 1),  # of another quota
    ],
)
def test_hosting_needs_what_this_release_runs_and_warns_of_the_rest(
    account: Account, enough: int
) -> None:
    few, many = (quotas(**{HOSTING: value}) for value in (enough - 1, enough))
    assert f"this execution needs {enough}" in problems(account=account, quota_client=few)
    checked = check({}, GOOD, clients(account, many))
    assert len(checked["warnings"]) == (enough < 10)
    assert check({}, GOOD, clients(account, quotas(**{HOSTING: 12})))["warnings"] == []


def test_no_build_is_needed_with_an_image_or_after_the_first_release() -> None:
    none = quotas(**{BUILDS: 0})
    assert problems(replace(GOOD, serving_image=f"{AWS_ECR}/ray:v1"), quota_client=none) == ""
    assert len(check({}, GOOD, clients(running(1), none))["warnings"]) == 1


MEMORY = "Memory size in MB per serverless endpoint"
CONCURRENCY = "Maximum total concurrency that can be allocated across all serverless endpoints"


def test_serverless_endpoint_needs_memory_and_concurrency_and_no_instance() -> None:
    settings = replace(GOOD, serverless=SERVERLESS)
    enough = quotas(**{MEMORY: 3072, CONCURRENCY: 5, HOSTING: 0})
    assert check({}, settings, clients(Account(), enough))["warnings"] == []
    assert f"The quota {MEMORY!r} is 2048, this execution needs 3072:" in problems(
        settings, quota_client=quotas(**{MEMORY: 2048})
    )
    assert f"The quota {CONCURRENCY!r} is 4, this execution needs 5:" in problems(
        settings, quota_client=quotas(**{CONCURRENCY: 4})
    )
    assert problems(quota_client=quotas(**{MEMORY: 0, CONCURRENCY: 0})) == ""  # on instances


def test_parallel_trials_need_an_instance_each() -> None:
    given, three = {"tune": {"max_jobs": 4, "parallel": 4}}, quotas(**{TRAINING: 3})
    assert "needs 4" in problems(given=given, account=with_photos(), quota_client=three)


def test_quotas_that_do_not_matter_or_may_not_be_read() -> None:
    assert problems(quota_client=quotas(**{TRAINING: 0})) == ""  # no photos
    fake = FakeQuotas(**{HOSTING: 0})
    client = cast("ServiceQuotasClient", fake)
    assert problems(replace(GOOD, check_quotas=False), quota_client=client) == ""
    assert fake.calls == 0


def test_training_instance_type_that_is_none() -> None:
    settings = replace(GOOD, training_instance_type="m5.xlarge")
    assert "TrainingInstanceType is 'm5.xlarge'" in problems(settings, account=with_photos())


@pytest.mark.parametrize("name", ["Kennel", "ken_nel", "-kennel", "ken--nel", "", "k" * 33])
def test_endpoint_name_that_sagemaker_or_a_role_would_refuse(name: str) -> None:
    settings = replace(GOOD, endpoint_name=name, serving_image=f"{AWS_ECR}/ray:v1")
    account = Account()
    assert f"EndpointName is {name!r}" in problems(settings, account=account)
    assert account.called("DescribeEndpoint") == []  # the role allows only the right name


@pytest.mark.parametrize("name", ["k", "kennel-dev", "k" * 32])
def test_endpoint_name_that_is_fine(name: str) -> None:
    settings = replace(GOOD, endpoint_name=name, serving_image=f"{AWS_ECR}/ray:v1")
    assert problems(settings) == ""


#: What is no image in this region's ECR.
NOT_HERE = [
    f"{ECR.replace('eu-west', 'us-east')}/kennel/serving:1",
    "kennel/serving :1",
    "docker.io/pytorch:2",
    f"{ECR}.cn/mine:1",
    f"{ECR}/mine",
]
HERE = [f"{ECR}/other:1", f"{AWS_ECR}/ray:serve-ml-sagemaker-cpu-v1", f"{AWS_ECR}/a/b@sha256:0"]


@pytest.mark.parametrize("image", NOT_HERE)
def test_image_that_sagemaker_cannot_pull(image: str) -> None:
    sentence = problems(replace(GOOD, serving_image=image))
    assert f"ServingImage is {image!r}, and SageMaker pulls from this region's ECR" in sentence
    assert f"give it as ACCOUNT{ECR[12:]}/REPOSITORY:TAG" in sentence
    settings = replace(GOOD, training_image=image)
    assert f"TrainingImage is {image!r}" in problems(settings, account=with_photos())
    assert problems(settings) == ""  # without photos there is no job


@pytest.mark.parametrize("image", HERE)
def test_image_of_any_repository_of_the_region(image: str) -> None:
    settings = replace(GOOD, serving_image=image, training_image=image)
    assert problems(settings, account=with_photos()) == ""


@pytest.mark.parametrize("reference", [":1", f"@sha256:{'0' * 64}"])
def test_serving_image_that_was_not_pushed(reference: str) -> None:
    settings = replace(GOOD, serving_image=f"{ECR}/kennel/serving{reference}")
    assert "ECR has no such image: push it" in problems(settings)
    account = Account()
    account.builds.images.add(reference[1:])
    assert problems(settings, account=account) == ""


@pytest.mark.parametrize(
    ("instance_type", "words"),
    [
        ("ml.t2.medium", "cannot autoscale"),
        ("ml.t3.medium", "no hosting type"),
        ("c5.large", "look like ml.c5.large"),
        ("ml.c5", "look like ml.c5.large"),
    ],
)
def test_instance_type_that_cannot_serve(instance_type: str, words: str) -> None:
    assert words in problems(replace(GOOD, instance_type=instance_type))


@pytest.mark.parametrize("instance_type", ["ml.c5.large", "ml.g4dn.xlarge", "ml.p6-b200.48xlarge"])
def test_instance_type_that_can(instance_type: str) -> None:
    assert problems(replace(GOOD, instance_type=instance_type)) == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"min_instances": 6}, "MinInstances is 6 and MaxInstances 5"),
        ({"min_instances": 0}, "MinInstances is 0"),
        (
            {"office_hours": OfficeHours(("MON",), "08:00", "18:00", "UTC", 9)},
            "OfficeHoursMinInstances is 9: expected from MinInstances, 1, to MaxInstances, 5.",
        ),
        ({"metric": "cpu"}, "ScalingMetric is 'cpu': invocations or concurrency"),
        ({"target_concurrency": 0}, "TargetConcurrencyPerInstance is 0"),
        ({"target_invocations": 0}, "TargetInvocationsPerInstance is 0"),
        ({"scale_in_cooldown_s": -1}, "ScaleInCooldown is -1: seconds, from 0 to 3600"),
        ({"scale_out_cooldown_s": 3601}, "ScaleOutCooldown is 3601"),
    ],
)
def test_scaling_that_makes_no_sense(change: dict[str, Any], words: str) -> None:
    assert words in problems(replace(GOOD, scaling=replace(SCALING, **change)))


def test_all_problems_come_at_once() -> None:
    settings = replace(
        GOOD,
        serving_image="a space",
        instance_type="ml.t2.medium",
        scaling=replace(SCALING, min_instances=9),
    )
    with pytest.raises(PreflightFailed) as failed:
        check({"zoom": 1}, settings, clients())
    assert len(failed.value.problems) == 4
    assert str(failed.value).startswith("4 problems stop this release: (1) The input has zoom")
