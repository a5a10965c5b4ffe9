"""Cases of the model registry, of tags and of lists."""

from typing import Any

from tests.cloud.cases.jobs import training
from tests.cloud.conformance_case import API, GITHUB, GUIDE, Absent, Case, Like, Refused

_ARN = "arn:aws:sagemaker:us-east-1:123456789012:"
_GROUP = ("sagemaker.create_model_package_group", {"ModelPackageGroupName": "$name"})


def _version(**members: Any) -> tuple[str, dict[str, Any]]:
    inference = {
        "Containers": [{"Image": "kennel/serving:offline", "ModelDataUrl": "s3://$bucket/m"}],
        "SupportedContentTypes": ["application/x-npy"],
        "SupportedResponseMIMETypes": ["application/json"],
    }
    return (
        "sagemaker.create_model_package",
        {"ModelPackageGroupName": "$name", "InferenceSpecification": inference, **members},
    )


def _model_of_a_version() -> tuple[str, dict[str, Any]]:
    return (
        "sagemaker.create_model",
        {
            "ModelName": "$name-of-a-version",
            "Containers": [{"ModelPackageName": _ARN + "model-package/$name/1"}],
            "ExecutionRoleArn": "$role",
        },
    )


def _model(suffix: str) -> tuple[str, dict[str, Any]]:
    container = {"Image": "kennel/serving:offline", "ModelDataUrl": "s3://$bucket/m"}
    return (
        "sagemaker.create_model",
        {
            "ModelName": f"$name-{suffix}",
            "PrimaryContainer": container,
            "ExecutionRoleArn": "$role",
            "Tags": [{"Key": "suffix", "Value": suffix}],
        },
    )


_REGISTRY = [
    Case(
        "a group numbers its versions from 1",
        "sagemaker.create_model_package",
        _version()[1],
        {"ModelPackageArn": _ARN + "model-package/$name/2"},
        GUIDE + "model-registry-version.html",
        before=(_GROUP, _version()),
    ),
    Case(
        "a new version is PendingManualApproval by default",
        "sagemaker.describe_model_package",
        {"ModelPackageName": _ARN + "model-package/$name/1"},
        {
            "ModelPackageGroupName": "$name",
            "ModelPackageVersion": 1,
            "ModelApprovalStatus": "PendingManualApproval",
            "ModelPackageStatus": "Completed",
        },
        GUIDE + "model-registry-approve.html",
        before=(_GROUP, _version()),
    ),
    Case(
        "an approval is stored with its description",
        "sagemaker.describe_model_package",
        {"ModelPackageName": _ARN + "model-package/$name/1"},
        {"ModelApprovalStatus": "Approved", "ApprovalDescription": "right on 9 of 10"},
        API + "API_UpdateModelPackage.html",
        before=(
            _GROUP,
            _version(),
            (
                "sagemaker.update_model_package",
                {
                    "ModelPackageArn": _ARN + "model-package/$name/1",
                    "ModelApprovalStatus": "Approved",
                    "ApprovalDescription": "right on 9 of 10",
                },
            ),
        ),
    ),
    Case(
        "a model of an approved version has its container",
        "sagemaker.describe_model",
        {"ModelName": "$name-of-a-version"},
        {
            "PrimaryContainer": {
                "ModelPackageName": _ARN + "model-package/$name/1",
                "Image": "kennel/serving:offline",
                "ModelDataUrl": "s3://$bucket/m",
            }
        },
        GUIDE + "model-registry-deploy.html",
        before=(_GROUP, _version(ModelApprovalStatus="Approved"), _model_of_a_version()),
    ),
    Case(
        "a version that waits for approval makes no model",
        *_model_of_a_version(),
        Refused("ValidationException", ".+ its approval status is PendingManualApproval, .+"),
        GUIDE + "model-registry-deploy.html",
        before=(_GROUP, _version()),
    ),
    Case(
        "a group is searched by its name",
        "sagemaker.search",
        {
            "Resource": "ModelPackageGroup",
            "SearchExpression": {
                "Filters": [
                    {"Name": "ModelPackageGroupName", "Operator": "Equals", "Value": "$name"}
                ]
            },
        },
        {"Results": [{"ModelPackageGroup": {"ModelPackageGroupName": "$name"}}]},
        API + "API_Search.html",
        before=(_GROUP,),
    ),
    Case(
        "customer properties are added and removed by name",
        "sagemaker.describe_model_package",
        {"ModelPackageName": _ARN + "model-package/$name/1"},
        {"CustomerMetadataProperties": {"kept": "1", "new": "2", "gone": Absent()}},
        API + "API_UpdateModelPackage.html",
        before=(
            _GROUP,
            _version(CustomerMetadataProperties={"kept": "1", "gone": "0"}),
            (
                "sagemaker.update_model_package",
                {
                    "ModelPackageArn": _ARN + "model-package/$name/1",
                    "CustomerMetadataProperties": {"new": "2"},
                    "CustomerMetadataPropertiesToRemove": ["gone"],
                },
            ),
        ),
    ),
    Case(
        "a list of versions has their ARNs and no names",
        "sagemaker.list_model_packages",
        {"ModelPackageGroupName": "$name", "ModelApprovalStatus": "Approved"},
        {
            "ModelPackageSummaryList": [
                {"ModelPackageArn": _ARN + "model-package/$name/2", "ModelPackageName": Absent()}
            ]
        },
        GITHUB + "aws/sagemaker-python-sdk/issues/5606",
        before=(_GROUP, _version(), _version(ModelApprovalStatus="Approved")),
    ),
    Case(
        "deleting a group that has versions is refused",
        "sagemaker.delete_model_package_group",
        {"ModelPackageGroupName": "$name"},
        Refused("ConflictException", ".+contains Model Packages.+"),
        API + "API_DeleteModelPackageGroup.html",
        before=(_GROUP, _version()),
    ),
    Case(
        "the number of a deleted version is not used again",
        "sagemaker.create_model_package",
        _version()[1],
        {"ModelPackageArn": _ARN + "model-package/$name/2"},
        GUIDE + "model-registry-version.html",
        before=(
            _GROUP,
            _version(),
            (
                "sagemaker.delete_model_package",
                {"ModelPackageName": _ARN + "model-package/$name/1"},
            ),
        ),
    ),
    Case(
        "a version in a missing group is refused",
        "sagemaker.create_model_package",
        _version()[1],
        Refused("ValidationException", rf"ModelPackageGroup {_ARN}.+/$name does not exist\."),
        API + "API_CreateModelPackage.html",
    ),
    Case(
        "a package with both a name and a group is refused",
        "sagemaker.create_model_package",
        _version(ModelPackageName="$name")[1],
        Refused(
            "ValidationException",
            "Both ModelPackageName and ModelPackageGroupName are provided in the input. Cannot "
            r"determine which one to use\.",
        ),
        GITHUB + "getmoto/moto/pull/7165",
    ),
    Case(
        "a package without a name and without a group is refused",
        "sagemaker.create_model_package",
        {},
        Refused("ValidationException", r"Missing ARN\."),
        GITHUB + "getmoto/moto/pull/7165",
    ),
    Case(
        "a version with tags is refused",
        "sagemaker.create_model_package",
        _version(Tags=[{"Key": "owner", "Value": "me"}])[1],
        Refused("ValidationException", ".+cannot have tags.+?"),
        GITHUB + "aws-controllers-k8s/sagemaker-controller/pull/54",
        before=(_GROUP,),
    ),
]

_TAGS = [
    Case(
        "a resource has the tags of its Create request",
        "sagemaker.list_tags",
        {"ResourceArn": _ARN + "model/$name-a"},
        {"Tags": [{"Key": "suffix", "Value": "a"}]},
        API + "API_ListTags.html",
        before=(_model("a"),),
    ),
    Case(
        "AddTags replaces the value of an existing key",
        "sagemaker.list_tags",
        {"ResourceArn": _ARN + "model/$name-a"},
        {"Tags": [{"Key": "suffix", "Value": "z"}, {"Key": "more", "Value": "1"}]},
        API + "API_AddTags.html",
        before=(
            _model("a"),
            (
                "sagemaker.add_tags",
                {
                    "ResourceArn": _ARN + "model/$name-a",
                    "Tags": [{"Key": "suffix", "Value": "z"}, {"Key": "more", "Value": "1"}],
                },
            ),
        ),
    ),
    Case(
        "DeleteTags removes a tag and ignores a missing one",
        "sagemaker.list_tags",
        {"ResourceArn": _ARN + "model/$name-a"},
        {"Tags": []},
        API + "API_DeleteTags.html",
        before=(
            _model("a"),
            (
                "sagemaker.delete_tags",
                {"ResourceArn": _ARN + "model/$name-a", "TagKeys": ["suffix", "never"]},
            ),
        ),
    ),
    Case(
        "a resource created again has no tags of the deleted one",
        "sagemaker.list_tags",
        {"ResourceArn": _ARN + "model/$name-a"},
        {"Tags": [{"Key": "suffix", "Value": "a"}]},
        API + "API_DeleteModel.html",
        before=(
            _model("a"),
            (
                "sagemaker.add_tags",
                {
                    "ResourceArn": _ARN + "model/$name-a",
                    "Tags": [{"Key": "old", "Value": "1"}],
                },
            ),
            ("sagemaker.delete_model", {"ModelName": "$name-a"}),
            _model("a"),
        ),
    ),
]

_THREE = (_model("a"), _model("b"), _model("c"))
_LISTS = [
    Case(
        "ListModels answers the newest model first",
        "sagemaker.list_models",
        {"NameContains": "$name-"},
        {"Models": [{"ModelName": f"$name-{each}"} for each in "cba"]},
        API + "API_ListModels.html",
        before=_THREE,
    ),
    Case(
        "a list can be sorted by ascending name",
        "sagemaker.list_models",
        {"NameContains": "$name-", "SortBy": "Name", "SortOrder": "Ascending"},
        {"Models": [{"ModelName": f"$name-{each}"} for each in "abc"], "NextToken": Absent()},
        API + "API_ListModels.html",
        before=_THREE,
    ),
    Case(
        "a page before the last has a NextToken",
        "sagemaker.list_models",
        {"NameContains": "$name-", "MaxResults": 2},
        {"Models": [{"ModelName": "$name-c"}, {"ModelName": "$name-b"}], "NextToken": Like(".+")},
        API + "API_ListModels.html",
        before=_THREE,
    ),
    Case(
        "an invalid NextToken is refused",
        "sagemaker.list_models",
        {"NextToken": "made up"},
        Refused("ValidationException", ".*[Ii]nvalid.*token.*"),
        API + "API_ListModels.html",
    ),
    Case(
        "a summary has only the members of its shape",
        "sagemaker.list_models",
        {"NameContains": "$name-a"},
        {
            "Models": [
                {
                    "ModelName": "$name-a",
                    "ModelArn": _ARN + "model/$name-a",
                    "CreationTime": Like(r"\d{4}-.+"),
                    "PrimaryContainer": Absent(),
                    "Tags": Absent(),
                }
            ]
        },
        "botocore: ModelSummary",
        before=(_model("a"),),
    ),
    Case(
        "CreationTimeBefore filters by creation time",
        "sagemaker.list_models",
        {"CreationTimeBefore": 946684800},
        {"Models": []},
        API + "API_ListModels.html",
        before=(_model("a"),),
    ),
    Case(
        "StatusEquals filters jobs by status",
        "sagemaker.list_training_jobs",
        {"NameContains": "$name", "StatusEquals": "Failed"},
        {"TrainingJobSummaries": [{"TrainingJobName": "$name", "TrainingJobStatus": "Failed"}]},
        API + "API_ListTrainingJobs.html",
        before=(("sagemaker.create_training_job", training()),),
        eventually=True,
    ),
]

CASES = [*_REGISTRY, *_TAGS, *_LISTS]
