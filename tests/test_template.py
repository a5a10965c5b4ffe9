"""template.yaml says what the design promises, after SAM has had its way with it."""

import json
import re
from typing import Any

import pytest

from classify.limits import MAX_BYTES
from tests.stack import TEMPLATE, of_type, plain, source, transformed

FUNCTIONS = of_type(transformed(), "AWS::Lambda::Function")
LOG_GROUPS = of_type(transformed(), "AWS::Logs::LogGroup")
RETRY = {"THROTTLED", "QUOTA_EXCEEDED", "INTEGRATION_FAILURE"}


def only(type_name: str) -> dict[str, Any]:
    (properties,) = of_type(transformed(), type_name).values()
    return properties


def responses() -> dict[str, Any]:
    answers: dict[str, Any] = only("AWS::ApiGateway::RestApi")["Body"][
        "x-amazon-apigateway-gateway-responses"
    ]
    return answers


def test_functions_are_the_seven_of_the_design() -> None:
    assert set(FUNCTIONS) == {
        "ClassifyFunction",
        "PageFunction",
        "PreflightFunction",
        "PublishBundleFunction",
        "ReleaseFunction",
        "SmokeTestFunction",
        "ApplyAutoscalingFunction",
    }


@pytest.mark.parametrize("logical_id", FUNCTIONS)
def test_function_has_a_role_and_a_log_group_of_its_own(logical_id: str) -> None:
    function = plain(FUNCTIONS[logical_id])
    stem = logical_id.removesuffix("Function")
    assert function["Role"] == f"${{{stem}Role.Arn}}"
    assert function["LoggingConfig"]["LogGroup"] == f"${{{stem}LogGroup}}"
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["x86_64"]


def test_every_log_group_forgets() -> None:
    assert len(LOG_GROUPS) == len(FUNCTIONS) + 1  # and the state machine's
    for properties in LOG_GROUPS.values():
        assert plain(properties["RetentionInDays"]) == "${LogRetentionDays}"


def test_only_the_classifier_reserves_concurrency_and_zero_means_none() -> None:
    reserving = [name for name, each in FUNCTIONS.items() if "ReservedConcurrentExecutions" in each]
    assert reserving == ["ClassifyFunction"]
    assert plain(FUNCTIONS["ClassifyFunction"]["ReservedConcurrentExecutions"]) == {
        "Fn::If": ["ReserveConcurrency", "${ReservedConcurrency}", "${AWS::NoValue}"]
    }
    assert transformed()["Conditions"]["ReserveConcurrency"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "ReservedConcurrency"}, 0]}]
    }


@pytest.mark.parametrize(
    ("parameter", "default"),
    [
        ("ReservedConcurrency", 5),
        ("EndpointName", "kennel"),
        ("MinInstances", 1),
        ("MaxInstances", 5),
        ("ScaleInCooldown", 30),
        ("ScaleOutCooldown", 30),
        ("PollSeconds", 60),
        ("ServingImage", ""),
    ],
)
def test_default(parameter: str, default: object) -> None:
    assert source()["Parameters"][parameter]["Default"] == default


def test_every_parameter_is_described_bounded_and_in_a_group() -> None:
    template = source()
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(template["Parameters"]) == sorted(
        name for group in groups for name in group["Parameters"]
    )
    for name, spec in template["Parameters"].items():
        assert spec["Description"].endswith("."), name
        bounds = {"AllowedPattern", "AllowedValues", "MinValue", "MaxLength"}
        assert bounds & set(spec), f"{name} takes anything"


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("kennel", True),
        ("kennel-dev-2", True),
        ("Kennel", False),  # SageMaker matches lower-cased ARNs: a role scoped to this denies
        ("kennel--dev", False),
        ("-kennel", False),
        ("kennel_dev", False),
        ("", False),
    ],
)
def test_endpoint_name_pattern(name: str, good: bool) -> None:
    pattern = source()["Parameters"]["EndpointName"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, name)) is good


def test_routes_and_which_need_a_key() -> None:
    paths = only("AWS::ApiGateway::RestApi")["Body"]["paths"]
    keyed = {
        f"{method} {path}": method_spec.get("security", [])
        for path, methods in paths.items()
        for method, method_spec in methods.items()
    }
    assert keyed == {
        "post /classify": [{"api_key": []}],
        "get /": [],
        "get /breeds": [],
        "get /openapi.json": [],
    }


def test_photos_arrive_as_bytes() -> None:
    api = only("AWS::ApiGateway::RestApi")
    assert api["Body"]["x-amazon-apigateway-binary-media-types"] == [
        "image/jpeg",
        "image/png",
        "image/webp",
    ]
    assert api["EndpointConfiguration"] == {"Types": ["REGIONAL"]}


def test_usage_plan_limits_the_key() -> None:
    plan = plain(only("AWS::ApiGateway::UsagePlan"))
    assert plan["Throttle"] == {"RateLimit": "${RateLimit}", "BurstLimit": "${BurstLimit}"}
    assert plan["Quota"] == {"Limit": "${DailyQuota}", "Period": "DAY"}
    assert plan["ApiStages"] == [{"ApiId": "${Api}", "Stage": "${ApiStage}"}]
    key = plain(only("AWS::ApiGateway::UsagePlanKey"))
    assert key == {"KeyId": "${ApiKey}", "KeyType": "API_KEY", "UsagePlanId": "${UsagePlan}"}


def test_what_api_gateway_refuses_itself() -> None:
    assert {kind: answer.get("statusCode") for kind, answer in responses().items()} == {
        "INVALID_API_KEY": "403",
        "MISSING_AUTHENTICATION_TOKEN": "404",
        "REQUEST_TOO_LARGE": "413",
        "UNSUPPORTED_MEDIA_TYPE": "415",
        "THROTTLED": "429",
        "QUOTA_EXCEEDED": "429",
        "INTEGRATION_FAILURE": "503",
        "INTEGRATION_TIMEOUT": "504",
        "DEFAULT_4XX": None,  # each keeps its own
        "DEFAULT_5XX": None,
    }


@pytest.mark.parametrize("kind", responses())
def test_gateway_response_is_a_problem_document(kind: str) -> None:
    answer = responses()[kind]
    headers = answer["responseParameters"]
    assert headers["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
    assert ("gatewayresponse.header.Retry-After" in headers) is (kind in RETRY)
    problem = json.loads(answer["responseTemplates"]["application/json"])
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert problem["detail"].endswith(".")
    if "statusCode" in answer:
        assert problem["status"] == int(answer["statusCode"])
    else:
        assert "status" not in problem  # it would be wrong for most of what the default covers


def test_api_gateway_names_the_size_that_the_classifier_takes() -> None:
    body = responses()["REQUEST_TOO_LARGE"]["responseTemplates"]["application/json"]
    assert f"at most {MAX_BYTES:,} bytes" in body


def test_the_api_gives_up_after_the_function_does() -> None:
    api_gateway_s = 29
    assert FUNCTIONS["ClassifyFunction"]["Timeout"] < api_gateway_s
    assert FUNCTIONS["PageFunction"]["Timeout"] < api_gateway_s


def test_bucket_is_private_encrypted_versioned_and_outlives_the_stack() -> None:
    bucket = transformed()["Resources"]["Bucket"]
    assert bucket["DeletionPolicy"] == "RetainExceptOnCreate"
    assert bucket["UpdateReplacePolicy"] == "Retain"
    properties = bucket["Properties"]
    assert all(properties["PublicAccessBlockConfiguration"].values())
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert properties["BucketEncryption"]
    assert all(
        rule["Status"] == "Enabled" for rule in properties["LifecycleConfiguration"]["Rules"]
    )


def test_bucket_answers_only_over_tls() -> None:
    (statement,) = plain(only("AWS::S3::BucketPolicy"))["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Principal"] == "*"
    assert statement["Action"] == "s3:*"
    assert statement["Resource"] == ["${Bucket.Arn}", "${Bucket.Arn}/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_outputs() -> None:
    assert set(transformed()["Outputs"]) == {
        "ApiUrl",
        "PageUrl",
        "ApiKeyId",
        "StateMachineArn",
        "BucketName",
        "EndpointName",
    }


def test_no_account_region_or_partition_is_written_down() -> None:
    text = TEMPLATE.read_text()
    assert "arn:aws:" not in text
    assert not re.search(r"\b\d{12}\b", text)
    assert "us-east-1" not in text
