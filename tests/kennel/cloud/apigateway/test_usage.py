"""API keys and usage plans that come, change and go."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from kennel.cloud.apigateway.throttle import Quota
from kennel.cloud.cloudformation.deployed import DeployedResources
from kennel.cloud.cloudformation.template import Stack
from kennel.cloud.runtime.store import Store
from tests.kennel.cloud.apigateway.projects import REST
from tests.kennel.cloud.apigateway.serving import Served, echo, read

TEMPLATE = """
Resources:
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Body:
        swagger: "2.0"
        securityDefinitions: {mine: {type: apiKey, name: X-API-Key, in: header}}
        paths:
          /closed:
            parameters: []
            get: &closed
              security: [{mine: []}]
              x-amazon-apigateway-integration:
                type: AWS_PROXY
                uri: arn:aws:lambda:us-east-1:123456789012:function:f
          /slow: {get: *closed}
  Dev: {Type: AWS::ApiGateway::Stage, Properties: {RestApiId: !Ref Api, StageName: dev}}
  Prod: {Type: AWS::ApiGateway::Stage, Properties: {RestApiId: !Ref Api, StageName: prod}}
  Plan:
    Type: AWS::ApiGateway::UsagePlan
    Properties:
      ApiStages:
        - ApiId: !Ref Api
          Stage: dev
          Throttle: {/slow/GET: {RateLimit: 0.001, BurstLimit: 1}}
      Throttle: {RateLimit: 0.001, BurstLimit: BURST}
      Quota: {Limit: QUOTA, Period: DAY}
  First: {Type: AWS::ApiGateway::ApiKey, Properties: {Enabled: true}}
  Second: {Type: AWS::ApiGateway::ApiKey, Properties: {Enabled: ENABLED, Value: second-key}}
  Untied: {Type: AWS::ApiGateway::ApiKey, Properties: {Enabled: true, Value: untied-key}}
  Tie1:
    Type: AWS::ApiGateway::UsagePlanKey
    Properties: {KeyId: !Ref First, KeyType: API_KEY, UsagePlanId: !Ref Plan}
  Tie2:
    Type: AWS::ApiGateway::UsagePlanKey
    Properties: {KeyId: !Ref Second, KeyType: API_KEY, UsagePlanId: !Ref Plan}
"""


@pytest.fixture
def served(tmp_path: Path) -> Served:
    served = Served(DeployedResources(), echo)
    served.put(stack(tmp_path))
    return served


def stack(folder: Path, burst: int = 100, quota: int = 100, enabled: str = "true") -> Stack:
    text = TEMPLATE.replace("BURST", str(burst)).replace("QUOTA", str(quota))
    return read(text.replace("ENABLED", enabled), folder)


def status(served: Served, key: str, path: str = "/dev/closed") -> int:
    return served.client.get(path, headers={"x-api-key": key}).status_code


def test_a_key_opens_the_stages_of_its_plan_alone(served: Served, tmp_path: Path) -> None:
    event = served.client.get("/dev/closed", headers={"x-api-key": "second-key"}).json()
    identity = event["requestContext"]["identity"]
    assert (identity["apiKey"], identity["apiKeyId"]) == ("second-key", "tried-Second")
    assert status(served, "second-key", "/prod/closed") == 403
    assert status(served, "untied-key") == 403
    assert status(served, "other") == 403
    served.put(stack(tmp_path, enabled="false"))
    assert status(served, "second-key") == 403


def test_a_preflight_needs_a_key_where_its_method_says_so(tmp_path: Path) -> None:
    """SAM says so by default: AddApiKeyRequiredToCorsPreflight.

    https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-api-apiauth.html
    """
    template = REST.replace(
        "Variables: {table: dogs}", "Cors: \"'*'\", Auth: {ApiKeyRequired: true}"
    )
    served = Served(read(template, tmp_path), echo)
    assert served.client.options("/dev/dogs").status_code == 403
    free = template.replace("true}", "true, AddApiKeyRequiredToCorsPreflight: false}")
    answer = Served(read(free, tmp_path), echo).client.options("/dev/dogs")
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")


def test_a_key_without_a_value_gets_one_that_is_kept(tmp_path: Path) -> None:
    store = Store(None)
    values = [Served(stack(tmp_path), echo, store=store).apis.key() for _ in range(2)]
    assert values[0] == values[1]
    assert len(values[0]) >= 20
    assert status(Served(stack(tmp_path), echo, store=store), values[0]) == 200


def test_the_value_of_an_older_version_stays_that_of_the_first_key(tmp_path: Path) -> None:
    store = Store(None)
    store.put("api-key", "value", {"value": "written down"})
    assert Served(stack(tmp_path), echo, store=store).apis.key() == "written down"
    again = Served(stack(tmp_path), echo, store=store)
    assert again.apis.key() == "written down"
    assert store.get("api-key", "value") is None


def test_each_key_has_its_own_bucket_and_quota(served: Served, tmp_path: Path) -> None:
    served.put(stack(tmp_path, burst=2))
    first = served.apis.key()
    assert [status(served, first) for _ in range(3)] == [200, 200, 429]
    assert [status(served, "second-key") for _ in range(3)] == [200, 200, 429]


def test_a_method_may_have_limits_of_its_own_in_a_plan(served: Served) -> None:
    assert [status(served, "second-key", "/dev/slow") for _ in range(2)] == [200, 429]
    assert status(served, "second-key") == 200


def test_counters_outlive_changes_elsewhere_and_new_limits_begin_anew(
    served: Served, tmp_path: Path
) -> None:
    served.put(stack(tmp_path, burst=1, quota=3))
    assert [status(served, "second-key") for _ in range(2)] == [200, 429]
    served.put(read("Resources: {Other: {Type: AWS::SNS::Topic}}", tmp_path, "other"))
    served.put(stack(tmp_path, burst=1, quota=3))  # replaced by its equal
    assert status(served, "second-key") == 429
    served.put(stack(tmp_path, burst=5, quota=3))
    assert [status(served, "second-key") for _ in range(3)] == [200, 200, 429]  # the quota's end
    today = datetime.now(UTC).date()
    assert served.plans.usage("tried-Plan", "tried-Second", today, today) == [[3, 0]]
    assert served.plans.usage("tried-Plan", "tried-First", today, today) == [[0, 3]]


@pytest.mark.parametrize(
    ("period", "offset", "days", "used"),
    [
        ("WEEK", 0, [(2026, 11, 21), (2026, 11, 22), (2026, 11, 28)], [1, 1, 2]),
        ("WEEK", 0, [(2025, 12, 31), (2026, 1, 1)], [1, 2]),  # one week, whatever the year
        ("WEEK", 1, [(2026, 11, 22), (2026, 11, 23)], [1, 1]),
        ("MONTH", 0, [(2026, 11, 30), (2026, 12, 1)], [1, 1]),
        ("MONTH", 9, [(2026, 12, 1), (2026, 12, 9), (2026, 12, 10)], [1, 2, 1]),
    ],
)
def test_a_period_begins_on_sunday_or_on_the_first_and_later_by_the_offset(
    period: str, offset: int, days: list[tuple[int, int, int]], used: list[int]
) -> None:
    moment = [0.0]
    quota = Quota(100, period, clock=lambda: moment[0], offset=offset)
    for day, expected in zip(days, used, strict=True):
        moment[0] = datetime(*day, 12, tzinfo=UTC).timestamp()
        quota.take()
        ((_, left),) = quota.usage(date(*day), date(*day))
        assert left == 100 - expected
