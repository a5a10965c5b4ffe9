"""Each role allows the required calls and no others, by two policy engines."""

import fnmatch
from pathlib import Path

import pytest

from tests.iam import engines
from tests.iam.check import DEPENDENT, NO_RESOURCE_LEVEL, SERVICE, problems
from tests.iam.roles import KEEPING, SETTINGS, read
from tests.stack import TEMPLATE, WORKBENCH, plain


def engine(name: str) -> engines.Engine:
    if name == "simulate" and not (engines.SIMULATOR / "node_modules").is_dir():
        pytest.skip("iam-simulate is not installed: `make lint` does it")
    chosen: engines.Engine = getattr(engines, name)
    return chosen


@pytest.mark.parametrize("template", [TEMPLATE, WORKBENCH], ids=lambda path: path.stem)
@pytest.mark.parametrize("name", ["kennel", "simulate"])
def test_roles_allow_the_required_calls_and_no_others(name: str, template: Path) -> None:
    assert problems(template, engine(name)) == []


def test_only_deletion_of_the_bucket_depends_on_keep_data() -> None:
    going, keeping = read(TEMPLATE), read(TEMPLATE, KEEPING)
    on_data = {"s3:ListBucketVersions", "s3:DeleteBucket", "s3:DeleteObject"}
    on_data |= {"s3:DeleteObjectVersion"}
    assert going.actions("RemovalRole") - keeping.actions("RemovalRole") == on_data
    for role in going.properties:
        wanted = going.statements(role)
        if role == "RemovalRole":
            wanted = [each for each in wanted if not on_data & set(each["Action"])]
        assert keeping.statements(role) == wanted, role


def test_every_role_is_assumed_by_its_own_service_only() -> None:
    services = {
        "TrainAndDeployRole": "states.amazonaws.com",
        "CleanUpMachineRole": "states.amazonaws.com",
        "CleanUpRuleRole": "events.amazonaws.com",
        "ModelRole": "sagemaker.amazonaws.com",
        "TrainingRole": "sagemaker.amazonaws.com",
        "NotebookRole": "sagemaker.amazonaws.com",
        "ImageBuildRole": "codebuild.amazonaws.com",
        "TrainingMachineRole": "ec2.amazonaws.com",
    }
    properties_by_role = read(TEMPLATE).properties | read(WORKBENCH).properties
    for name, properties in properties_by_role.items():
        (statement,) = plain(properties)["AssumeRolePolicyDocument"]["Statement"]
        service = services.get(name, "lambda.amazonaws.com")
        assert statement["Principal"] == {"Service": service}, name
        assert statement["Action"] == "sts:AssumeRole"
        # AWS does not document for the other services, nor for notebooks, that they send it.
        senders = ("states.", "events.", "codebuild.", "sagemaker.")
        if service.startswith(senders) and name != "NotebookRole":
            account = {"StringEquals": {"aws:SourceAccount": "123456789012"}}
            assert statement["Condition"] == account, name
        else:
            assert "Condition" not in statement, name


#: Parameters that are empty by default, and the services that only roles with them may call.
OPTIONAL = {("VpcSubnets", "VpcSecurityGroups"): "ec2", ("KmsKeyArn",): "kms"}


@pytest.mark.parametrize("parameters", OPTIONAL)
def test_a_parameter_left_empty_gives_no_permission(parameters: tuple[str, ...]) -> None:
    without = {key: value for key, value in SETTINGS.items() if key not in parameters}
    roles, all_set = read(TEMPLATE, without), read(TEMPLATE)
    prefix = f"{OPTIONAL[parameters]}:"
    for role in roles.properties:
        assert not [each for each in roles.actions(role) if each.startswith(prefix)], role
    assert any(each.startswith(prefix) for each in all_set.actions("TrainingRole"))


OTHER = "111111111111"
AWS_IMAGES = "arn:aws:ecr:us-east-1:763104351884:repository"
PULLED = {
    "": (f"{AWS_IMAGES}/pytorch", f"{AWS_IMAGES}/ray"),
    f"{OTHER}.dkr.ecr.us-east-1.amazonaws.com/dogs:1": f"{OTHER}:repository/dogs",
    "123456789012.dkr.ecr.us-east-1.amazonaws.com/a.b/c:v1": "123456789012:repository/a.b/c",
    f"{OTHER}.dkr.ecr.us-east-1.amazonaws.com/b@sha256:{'0' * 64}": f"{OTHER}:repository/b",
    f"{OTHER}.dkr.ecr.cn-north-1.amazonaws.com.cn/a/b:1": f"{OTHER}:repository/a/b",
}


@pytest.mark.parametrize("image", PULLED)
def test_containers_may_pull_the_images_that_the_parameters_name(image: str) -> None:
    roles = read(TEMPLATE, {"TrainingImage": image, "ServingImage": image})
    training, serving = (
        next(each["Resource"] for each in roles.statements(role) if each["Sid"] == "PullTheImage")
        for role in ("TrainingRole", "ModelRole")
    )
    named = PULLED[image]
    if isinstance(named, str):
        named = (f"arn:aws:ecr:us-east-1:{named}",) * 2
    assert training == [named[0]]
    assert set(serving) == {roles.arns["Repository"], f"{AWS_IMAGES}/ray", named[1]}


def test_every_row_of_the_tables_has_its_page() -> None:
    pages = [
        *(each["page"] for each in DEPENDENT.values()),
        *(each["page"] for each in SERVICE["kinds"].values()),
        *NO_RESOURCE_LEVEL,
    ]
    assert all(page.startswith("https://docs.aws.amazon.com/") for page in pages)


def test_classifier_may_only_invoke_one_endpoint_log_and_trace() -> None:
    """The statements of the role that handles untrusted photos, in full, without a VPC."""
    arn = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/kennel"
    logs = "arn:aws:logs:us-east-1:123456789012:log-group:kennel-ClassifyLogGroup:*"
    statements = [
        (set(each["Action"]), each["Resource"])
        for each in read(TEMPLATE, {}).statements("ClassifyRole")
    ]
    assert statements == [
        ({"sagemaker:InvokeEndpoint"}, [arn]),
        ({"logs:CreateLogStream", "logs:PutLogEvents"}, [logs]),
        ({"xray:PutTraceSegments", "xray:PutTelemetryRecords"}, ["*"]),
    ]


def test_endpoints_load_only_what_no_training_can_write() -> None:
    """The lists are complete: of who may write packages, and of what a model's role may read."""
    roles = read(TEMPLATE)
    bucket = "arn:aws:s3:::kennel-bucket"
    writing = {"s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:*"}
    writers = {
        role: (each["Resource"], each.get("Condition"))
        for role in roles.properties
        for each in roles.statements(role)
        if writing & set(each["Action"])
        and any(
            covers(pattern, f"{bucket}/packages/0/model.tar.gz") for pattern in each["Resource"]
        )
    }
    keeps = ([f"{bucket}/packages/*"], {"StringEquals": {"s3:if-none-match": "*"}})
    emptied = writers.pop("RemovalRole")  # with KeepData=false the bucket goes with the stack
    assert emptied == ([f"{bucket}/*"], None)
    assert writers == {"FindPackageRole": keeps, "JudgeRole": keeps}
    reads = [
        resource
        for each in roles.statements("ModelRole")
        if "s3:GetObject" in each["Action"]
        for resource in each["Resource"]
    ]
    assert reads == [f"{bucket}/packages/*/model.tar.gz", f"{bucket}/batch/*"]


def covers(pattern: str, arn: str) -> bool:
    return fnmatch.fnmatchcase(arn, pattern)
