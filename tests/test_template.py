"""template.yaml as transformed by SAM."""

import json
import re
from typing import Any

import pytest

from classify.request import MAX_BYTES
from common import cors
from drift.watch import CHECK_EVERY_MINUTES
from guard.watch import CHECK_EVERY_H
from kennel.cloud.cloudformation.intrinsics import Resolver
from kennel.cloud.cloudformation.resource_types import kind_of
from kennel.cloud.cloudformation.template import Resource, Stack, load
from tests.machine import FUNCTIONS as STEPS
from tests.stack import ROOT, TEMPLATE, of_type, plain, source, transformed

FUNCTIONS = of_type(transformed(), "AWS::Lambda::Function")
LOG_GROUPS = of_type(transformed(), "AWS::Logs::LogGroup")
#: A name within an API, or of a layer, whose versions are resources of their own.
NOT_NAMES = ("AWS::ApiGateway::", "AWS::Lambda::LayerVersion")
RETRY = {"THROTTLED", "QUOTA_EXCEEDED", "INTEGRATION_FAILURE"}


def only(type_name: str) -> dict[str, Any]:
    (properties,) = of_type(transformed(), type_name).values()
    return properties


def responses() -> dict[str, Any]:
    answers: dict[str, Any] = only("AWS::ApiGateway::RestApi")["Body"][
        "x-amazon-apigateway-gateway-responses"
    ]
    return answers


def test_functions_are_complete() -> None:
    api = {"Classify", "Page"}
    others = {"Removal", "Guard", "Drift"}
    expected = {*api, *others, *STEPS}
    assert set(FUNCTIONS) == {f"{name}Function" for name in expected}


@pytest.mark.parametrize("logical_id", FUNCTIONS)
def test_function_has_a_role_and_a_log_group_of_its_own(logical_id: str) -> None:
    function = plain(FUNCTIONS[logical_id])
    stem = logical_id.removesuffix("Function")
    assert function["Role"] == f"${{{stem}Role.Arn}}"
    assert function["LoggingConfig"]["LogGroup"] == f"${{{stem}LogGroup}}"
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["x86_64"]


def test_every_log_group_has_a_retention() -> None:
    assert (
        len(LOG_GROUPS) == len(FUNCTIONS) + 5
    )  # and those of the state machines, the image build, the endpoint and the API
    for properties in LOG_GROUPS.values():
        assert plain(properties["RetentionInDays"]) == "${LogRetentionDays}"


def test_only_the_classifier_has_reserved_concurrency_unless_zero() -> None:
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
        ("ServingHost", "kennel"),
        ("Hosting", "instances"),
        ("ServerlessMemory", 3072),
        ("ServerlessMaxConcurrency", 5),
        ("OfficeHours", ""),
        ("ScalingMetric", "invocations"),
        ("JudgeFloor", 0.7),
        ("JudgeMargin", 0.02),
        ("BakeSeconds", 300),
        ("KeepData", "true"),
        ("IdleAction", "warn"),
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
        assert bounds & set(spec), f"{name} is not bounded"


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


#: Whole numbers, and the range of each.
WHOLE = {
    "MinInstances": (1, 100),
    "MaxInstances": (1, 100),
    "TargetInvocationsPerInstance": (1, 999_999_999),
    "TargetConcurrencyPerInstance": (1, 999_999_999),
    "ScaleInCooldown": (0, 3600),
    "ScaleOutCooldown": (0, 3600),
    "BakeSeconds": (0, 3600),
    "TrainingMaxSeconds": (60, 36_000),
    "RollbackLatencyMs": (1, 999_999_999),
    "IdleHours": (0, 600),
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_numbers_only(name: str) -> None:
    low, high = WHOLE[name]
    spec = source()["Parameters"][name]
    assert spec["Type"] == "String"  # CloudFormation knows AllowedPattern for String only
    assert "whole number" in spec["ConstraintDescription"]
    pattern = re.compile(spec["AllowedPattern"])
    everything = range(low, high + 1) if high <= 36_000 else (low, 1500, high)
    for good in (*everything, spec["Default"]):
        assert pattern.fullmatch(str(good)), good
    for bad in (low - 1, high + 1, "1.5", "0.5", f"{low}.0", "", "-1", "1e2", " 1"):
        assert not pattern.fullmatch(str(bad)), bad


def test_routes_and_which_need_a_key() -> None:
    paths = only("AWS::ApiGateway::RestApi")["Body"]["paths"]
    security_by_route = {
        f"{method} {path}": method_spec.get("security", [])
        for path, methods in paths.items()
        for method, method_spec in methods.items()
    }
    assert security_by_route == {
        "post /classify": [{"api_key": []}],
        "x-amazon-apigateway-any-method /classify": [],  # OPTIONS, and 405
        "x-amazon-apigateway-any-method /": [],
        "x-amazon-apigateway-any-method /breeds": [],
        "x-amazon-apigateway-any-method /openapi.json": [],
    }


@pytest.mark.parametrize(
    ("origin", "good"),
    [
        ("", True),
        ("*", True),
        ("https://example.com", True),
        ("http://localhost:8080", True),
        ("https://example.com/", False),
        ("example.com", False),
        ("null", False),
        ("https://*.example.com", False),
        ("https://a.com,https://b.com", False),
        ("https://a.com'", False),
    ],
)
def test_allowed_origin_is_one_origin(origin: str, good: bool) -> None:
    pattern = source()["Parameters"]["AllowedOrigin"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, origin)) is good


@pytest.mark.parametrize("kind", responses())
def test_gateway_response_allows_the_origin_that_the_functions_allow(kind: str) -> None:
    headers = responses()[kind]["responseParameters"]
    functions = cors.allowed("${AllowedOrigin}")
    for name, value in functions.items():
        condition, literal, otherwise = headers[f"gatewayresponse.header.{name}"]["Fn::If"]
        assert (condition, plain(otherwise)) == ("AllowOrigin", "${AWS::NoValue}")
        assert plain(literal) == f"'{value}'"


def test_photos_arrive_as_bytes() -> None:
    api = only("AWS::ApiGateway::RestApi")
    assert api["Body"]["x-amazon-apigateway-binary-media-types"] == [
        "image/*",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ]  # and not */*, with which a CORS preflight answers 500
    assert api["EndpointConfiguration"] == {"Types": ["REGIONAL"]}


def test_usage_plan_limits_the_key() -> None:
    plan = plain(only("AWS::ApiGateway::UsagePlan"))
    assert plan["Throttle"] == {"RateLimit": "${RateLimit}", "BurstLimit": "${BurstLimit}"}
    assert plan["Quota"] == {"Limit": "${DailyQuota}", "Period": "DAY"}
    assert plan["ApiStages"] == [{"ApiId": "${Api}", "Stage": "${ApiStage}"}]
    key = plain(only("AWS::ApiGateway::UsagePlanKey"))
    assert key == {"KeyId": "${ApiKey}", "KeyType": "API_KEY", "UsagePlanId": "${UsagePlan}"}


def test_statuses_of_gateway_responses() -> None:
    assert {kind: answer.get("statusCode") for kind, answer in responses().items()} == {
        "INVALID_API_KEY": "403",
        "MISSING_AUTHENTICATION_TOKEN": "404",
        "REQUEST_TOO_LARGE": "413",
        "UNSUPPORTED_MEDIA_TYPE": "415",
        "THROTTLED": "429",
        "QUOTA_EXCEEDED": "429",
        "INTEGRATION_FAILURE": "503",
        "INTEGRATION_TIMEOUT": "504",
        "DEFAULT_4XX": None,  # each keeps its status
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
    assert problem["request_id"] == "$context.requestId"
    if "statusCode" in answer:
        assert problem["status"] == int(answer["statusCode"])
    else:
        assert "status" not in problem  # the status is not known


def test_gateway_response_has_the_classifiers_size_limit() -> None:
    body = responses()["REQUEST_TOO_LARGE"]["responseTemplates"]["application/json"]
    assert f"at most {MAX_BYTES:,} bytes" in body


def test_functions_time_out_before_api_gateway() -> None:
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


def test_only_training_output_expires_in_the_bucket() -> None:
    rules = only("AWS::S3::Bucket")["LifecycleConfiguration"]["Rules"]
    assert {rule["Status"] for rule in rules} == {"Enabled"}
    expiring = [rule for rule in rules if "ExpirationInDays" in rule]
    assert [rule["Prefix"] for rule in expiring] == ["models/"]  # accepted ones are in packages/


def test_no_tagged_image_expires() -> None:
    """An image that an endpoint runs has a bundle's hash as its tag, however old it is."""
    (policy,) = of("Repository")["LifecyclePolicy"].values()
    selections = [rule["selection"] for rule in json.loads(policy)["rules"]]
    assert [each["tagStatus"] for each in selections] == ["untagged"]


def test_logs_of_the_endpoint_expire_and_go_with_the_stack() -> None:
    group = of("EndpointLogGroup")
    assert group["LogGroupName"] == "/aws/sagemaker/Endpoints/${EndpointName}"
    assert group["RetentionInDays"] == "${LogRetentionDays}"
    removal = transformed()["Resources"]["Removal"]
    assert "EndpointLogGroup" in removal["DependsOn"]  # the endpoint, which writes it, goes first


def test_bucket_allows_only_tls() -> None:
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
        "ImageAccount",
        "DashboardUrl",
        "TopicArn",
    }


def test_template_names_no_account_region_or_partition() -> None:
    text = TEMPLATE.read_text()
    assert "arn:aws:" not in text
    images = {each["Account"] for each in source()["Mappings"]["Images"].values()}
    assert set(re.findall(r"\b\d{12}\b", text)) == images
    resources = text[text.index("\nResources:\n") :]
    assert not re.search(r"\d{12}|us-east-1", resources)


def test_accounts_of_aws_images_are_those_of_the_sagemaker_sdk() -> None:
    """In China and GovCloud, where the SDK has no image with Amazon Linux 2023, the older ones'."""
    folders = sorted(
        (ROOT / ".venv-sdk3").glob("lib/*/site-packages/sagemaker/core/image_uri_config")
    )
    if not folders:
        pytest.skip("the SageMaker SDK is not installed: `make sdks` does it")
    accounts: dict[str, str] = {}
    for name, version in (("pytorch", "2.10.0"), ("pytorch-amzn2023", "2.14")):
        versions = json.loads((folders[0] / f"{name}.json").read_text())["training"]["versions"]
        accounts |= versions[version]["registries"]
    ours = {region: each["Account"] for region, each in source()["Mappings"]["Images"].items()}
    elsewhere = ("us-iso", "eu-iso", "eusc-")  # partitions of their own
    assert ours == {key: each for key, each in accounts.items() if not key.startswith(elsewhere)}


def of(logical_id: str) -> dict[str, Any]:
    properties: dict[str, Any] = plain(transformed()["Resources"][logical_id]["Properties"])
    return properties


def test_both_alarms_of_the_endpoint_roll_an_update_back() -> None:
    variables = of("ReleaseFunction")["Environment"]["Variables"]
    assert variables["ROLLBACK_ALARMS"] == {
        "Fn::Join": [",", ["${EndpointErrorsAlarm}", "${EndpointLatencyAlarm}"]]
    }
    for name in ("EndpointErrorsAlarm", "EndpointLatencyAlarm"):
        alarm = of(name)
        assert alarm["Dimensions"] == [
            {"Name": "EndpointName", "Value": "${EndpointName}"},
            {"Name": "VariantName", "Value": "AllTraffic"},
        ]
        assert alarm["Period"] * alarm["EvaluationPeriods"] <= 60  # well within the bake


def test_every_alarm_has_an_action_and_a_description() -> None:
    alarms = of_type(transformed(), "AWS::CloudWatch::Alarm")
    assert len(alarms) == 12
    for properties in alarms.values():
        assert plain(properties["AlarmActions"]) == ["${Topic}"]
        assert properties["AlarmDescription"].endswith(".")
        assert properties["TreatMissingData"] == "notBreaching"


def test_the_dashboard_has_every_alarm_and_only_metrics_that_are_published() -> None:
    widgets = json.loads(of("Dashboard")["DashboardBody"])["widgets"]
    (alarms,) = [each["properties"]["alarms"] for each in widgets if each["type"] == "alarm"]
    expected = [f"${{{each}.Arn}}" for each in of_type(transformed(), "AWS::CloudWatch::Alarm")]
    assert sorted(alarms) == sorted(expected)
    rows = [row for each in widgets for row in each["properties"].get("metrics", [])]
    own = {row[1] for row in rows if row[0] == "Kennel"}
    assert own == {"TookMs", "DecodeMs", "InvokeMs", "NotADog", "Confidence", "Drift"}
    ids = {row[-1]["id"] for row in rows if isinstance(row[-1], dict) and "id" in row[-1]}
    used = [re.findall(r"[a-z]+", row[0]["expression"]) for row in rows if len(row) == 1]
    assert ids == {each for names in used for each in names}
    places = {(each["x"], each["y"]) for each in widgets}
    assert len(places) == len(widgets)


def test_rule_cleans_up_after_unsuccessful_executions() -> None:
    rule = of("CleanUpRule")
    assert rule["EventPattern"]["detail"] == {
        "stateMachineArn": ["${TrainAndDeploy}"],
        "status": ["ABORTED", "FAILED", "TIMED_OUT"],
    }
    (target,) = rule["Targets"]
    assert (target["Arn"], target["InputPath"]) == ("${CleanUpMachine}", "$.detail")
    assert target["RoleArn"] == "${CleanUpRuleRole.Arn}"


NETWORK = {"VpcSubnets": "subnet-0,subnet-1", "VpcSecurityGroups": "sg-0,sg-1"}
KEY = "arn:aws:kms:us-east-1:123456789012:key/0"


def with_parameters(**parameters: str) -> Stack:
    return load(TEMPLATE, parameters, "kennel")


def test_functions_jobs_and_endpoint_join_the_vpc_that_is_named() -> None:
    for stack, expected in (
        (with_parameters(), None),
        (
            with_parameters(**NETWORK),
            {"SubnetIds": ["subnet-0", "subnet-1"], "SecurityGroupIds": ["sg-0", "sg-1"]},
        ),
    ):
        for function in stack.of_type("AWS::Lambda::Function"):
            assert function.properties.get("VpcConfig") == expected, function.logical_id
    for name in ("StartTuning", "StartTraining", "Release"):
        variables = of(f"{name}Function")["Environment"]["Variables"]
        assert variables["VPC_SUBNETS"] == "${VpcSubnets}"
        assert variables["VPC_SECURITY_GROUPS"] == "${VpcSecurityGroups}"
        assert variables["KMS_KEY_ARN"] == "${KmsKeyArn}"


def refusals(**parameters: str) -> list[str]:
    """Return what the template's rules say against these parameters."""
    template = source()
    defaults = {name: spec.get("Default") for name, spec in template["Parameters"].items()}

    def holds(expression: Any) -> bool:
        values = {**defaults, **parameters}
        return Resolver(str, lambda *names: "", values, {"it": expression}, {}).holds("it")

    return [
        each["AssertDescription"]
        for rule in template["Rules"].values()
        if holds(rule.get("RuleCondition", {"Fn::Equals": ["", ""]}))
        for each in rule["Assertions"]
        if not holds(each["Assert"])
    ]


def test_rules_refuse_what_aws_or_a_cold_start_does_not_allow() -> None:
    assert refusals() == refusals(Hosting="serverless") == refusals(**NETWORK) == []
    assert "Give both" in refusals(VpcSubnets="subnet-0")[0]
    (network,) = refusals(Hosting="serverless", **NETWORK)
    assert network.startswith("SageMaker puts no serverless endpoint into a VPC;")
    (ray,) = refusals(Hosting="serverless", ServingHost="ray")
    assert ray.startswith("ServingHost=ray installs packages at every start")
    (hours,) = refusals(Hosting="serverless", OfficeHours="MON-FRI 08:00-18:00")
    assert hours.startswith("OfficeHours are about instances")
    assert refusals(ServingHost="ray", OfficeHours="MON-FRI 08:00-18:00") == []


def test_only_instances_are_isolated_and_guarded() -> None:
    for parameters, isolation, guard in (
        ({}, "yes", "ENABLED"),
        ({"ServingHost": "ray"}, "no", "ENABLED"),
        ({"Hosting": "serverless"}, "no", "DISABLED"),
        ({"IdleHours": "0"}, "yes", "DISABLED"),
    ):
        stack = with_parameters(**parameters)
        variables = stack.resources["ReleaseFunction"].properties["Environment"]["Variables"]
        assert variables["NETWORK_ISOLATION"] == isolation, parameters
        assert stack.resources["GuardRule"].properties["State"] == guard, parameters


def test_everything_that_stores_has_the_key_that_is_named() -> None:
    plain_stack, stack = with_parameters(), with_parameters(KmsKeyArn=KEY)

    def key_of(each: Resource) -> Any:
        (rule,) = each.properties.get("BucketEncryption", {}).get(
            "ServerSideEncryptionConfiguration", [{}]
        )
        of_bucket = rule.get("ServerSideEncryptionByDefault", {}).get("KMSMasterKeyID")
        key = each.properties.get("KmsKeyId") or each.properties.get("KmsMasterKeyId")
        return key or of_bucket

    storing = {"AWS::S3::Bucket", "AWS::SNS::Topic", "AWS::SQS::Queue", "AWS::Logs::LogGroup"}
    for type_name in storing:
        for each in stack.of_type(type_name):
            assert key_of(each) == KEY, each.logical_id
        assert {key_of(each) for each in plain_stack.of_type(type_name)} == {None}


def test_api_logs_its_requests_if_asked() -> None:
    (silent,) = with_parameters().of_type("AWS::ApiGateway::Stage")
    assert "AccessLogSetting" not in silent.properties
    stack = with_parameters(ApiAccessLogs="yes")
    (stage,) = stack.of_type("AWS::ApiGateway::Stage")
    setting = stage.properties["AccessLogSetting"]
    assert setting["DestinationArn"] == stack.resources["ApiLogGroup"].arn.removesuffix(":*")
    entry = json.loads(setting["Format"])
    assert {"request_id", "status", "path"} <= set(entry)


def test_alarms_watch_clean_ups_that_did_not_start_or_end() -> None:
    (target,) = of("CleanUpRule")["Targets"]
    assert target["DeadLetterConfig"] == {"Arn": "${MissedCleanUps.Arn}"}
    (allowed,) = of("MissedCleanUpsPolicy")["PolicyDocument"]["Statement"]
    assert allowed["Principal"] == {"Service": "events.amazonaws.com"}
    assert (allowed["Action"], allowed["Resource"]) == ("sqs:SendMessage", "${MissedCleanUps.Arn}")
    assert allowed["Condition"] == {"ArnEquals": {"aws:SourceArn": "${CleanUpRule.Arn}"}}
    watched = {
        (alarm["MetricName"], alarm["Dimensions"][0]["Value"])
        for alarm in map(plain, of_type(transformed(), "AWS::CloudWatch::Alarm").values())
    }
    assert ("ApproximateNumberOfMessagesVisible", "${MissedCleanUps.QueueName}") in watched
    assert ("ExecutionsFailed", "${CleanUpMachine}") in watched
    assert ("ExecutionsTimedOut", "${CleanUpMachine}") in watched


def test_rule_publishes_the_breeds_after_every_change_of_the_endpoint() -> None:
    rule = of("EndpointRule")
    assert rule["EventPattern"] == {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Endpoint State Change"],
        "detail": {"EndpointName": ["${EndpointName}"]},
    }
    assert [target["Arn"] for target in rule["Targets"]] == ["${PublishBreedsFunction.Arn}"]
    permission = of("EndpointPermission")
    assert permission["SourceArn"] == "${EndpointRule.Arn}"
    assert permission["FunctionName"] == "${PublishBreedsFunction}"


def test_guard_runs_every_hour_unless_disabled() -> None:
    rule = of("GuardRule")
    assert rule["ScheduleExpression"] == f"rate({CHECK_EVERY_H} hour)"
    assert rule["State"] == {"Fn::If": ["EnableGuard", "ENABLED", "DISABLED"]}


def test_drift_is_watched_on_schedule_and_its_alarm_is_of_its_metric() -> None:
    assert of("DriftRule")["ScheduleExpression"] == f"rate({CHECK_EVERY_MINUTES} minutes)"
    assert of("DriftAlarm")["MetricName"] == "Drift"
    assert of("DriftAlarm")["Period"] == CHECK_EVERY_MINUTES * 60


def test_role_of_the_function_that_invokes_itself_has_its_name() -> None:
    function_name = of("RemovalFunction")["FunctionName"]
    (own,) = [
        statement["Resource"]
        for policy in of("RemovalRole")["Policies"]
        if "PolicyDocument" in policy  # and not a conditional one
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Action"] == "lambda:InvokeFunction"
    ]
    assert own.endswith(f":function:{function_name}")


def test_removal_is_deleted_before_its_dependencies() -> None:
    resource = transformed()["Resources"]["Removal"]
    assert "ModelPackageGroup" in resource["DependsOn"]
    assert of("Removal")["ServiceToken"] == "${RemovalFunction.Arn}"


SCHEMAS = ROOT / ".venv-tools"


def replacing(type_name: str) -> set[str]:
    """Return the properties of a type whose change replaces the resource, by AWS's own schema."""
    (folder,) = SCHEMAS.glob("lib/python3*/site-packages/cfnlint/data/schemas")
    number = json.loads((folder / "providers/us-east-1.json").read_text())[type_name]
    schema = json.loads((folder / f"resources/{number}.json").read_text())
    paths = schema.get("createOnlyProperties", [])
    return {path.removeprefix("/properties/").split("/")[0] for path in paths}


#: The parameters that a chosen name may depend on: neither changes while there is a stack.
FIXED = {"${EndpointName}", "${AWS::StackName}"}


def test_an_update_never_replaces_a_resource_with_a_chosen_name() -> None:
    """CloudFormation creates the new one first, and so refuses it: the name is in use."""
    if not SCHEMAS.is_dir():
        pytest.skip("cfn-lint is not installed: `make tools` does it")
    chosen = 0
    for logical_id, resource in transformed()["Resources"].items():
        kind = kind_of(resource["Type"])
        name = kind.name_property if kind else None
        properties = resource.get("Properties", {})
        if name is None or name not in properties or resource["Type"].startswith(NOT_NAMES):
            continue
        chosen += 1
        assert replacing(resource["Type"]) & set(properties) <= {name}, logical_id
        assert set(re.findall(r"\$\{.*?\}", plain(properties[name]))) <= FIXED, logical_id
    assert chosen > 6


def test_endpoint_name_says_that_it_is_fixed() -> None:
    described = source()["Parameters"]["EndpointName"]["Description"]
    assert described.endswith("fixed after the first deployment.")


def test_repository_and_group_can_be_deleted() -> None:
    assert of("Repository")["EmptyOnDelete"] is True
    assert of("ModelPackageGroup")["ModelPackageGroupName"] == "${EndpointName}"


def test_image_is_built_from_the_bundle_under_its_hash() -> None:
    project = of("ImageBuild")
    commands = project["Source"]["BuildSpec"]
    assert "tar -xzf source.tar.gz -C model" in commands
    assert '"$REPOSITORY_URI:$IMAGE_TAG"' in commands
    # SageMaker refuses OCI manifests, and an index, which attestations make.
    (build,) = re.findall("docker buildx build .*", commands)
    assert "--provenance=false" in build
    assert "--sbom=false" in build
    assert "type=image,name=$REPOSITORY_URI:$IMAGE_TAG,oci-mediatypes=false" in build
    assert project["Environment"]["PrivilegedMode"] is True


def test_how_tos_fit_into_the_template() -> None:
    """SAM takes each of them; that AWS does is on the page as not run."""
    page = (ROOT / "docs" / "hardening.md").read_text()
    firewall, domain, iam, people = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    text = TEMPLATE.read_text()
    key = "            Auth: { ApiKeyRequired: true }\n"
    of_the_api = "      GatewayResponses:\n"

    def changed(*changes: tuple[str, str]) -> dict[str, Any]:
        made = text
        for old, new in changes:
            assert made.count(old) == 1
            made = made.replace(old, new)
        return transformed(made)

    resources = changed(("\n  ApiKey:\n", f"\n{firewall}\n  ApiKey:\n"))["Resources"]
    assert resources["FirewallOfTheStage"]["DependsOn"] in resources
    resources = changed((of_the_api, domain + of_the_api))["Resources"]
    assert "AWS::ApiGateway::DomainName" in {each["Type"] for each in resources.values()}
    for changes, scheme in (
        ([(key, iam)], "AWS_IAM"),
        ([(key, key.replace("ApiKeyRequired: true", "Authorizer: People"))], "People"),
    ):
        more = [(of_the_api, people + of_the_api)] if scheme == "People" else []
        (api,) = of_type(changed(*changes, *more), "AWS::ApiGateway::RestApi").values()
        assert api["Body"]["paths"]["/classify"]["post"]["security"] == [{scheme: []}]
