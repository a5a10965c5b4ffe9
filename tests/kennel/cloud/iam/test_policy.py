from dataclasses import replace
from typing import Any

import pytest

from kennel.cloud.iam.policy import Role, evaluate, read_role, trusts
from kennel.errors import CannotStart

ENDPOINT = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/kennel"


def role(*statements: dict[str, Any]) -> Role:
    policies = [{"PolicyName": "inline", "PolicyDocument": {"Statement": list(statements)}}]
    return read_role("role", {"Policies": policies})


def allow(action: Any, resource: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("sagemaker:InvokeEndpoint", ENDPOINT, True),
        ("sagemaker:invokeendpoint", ENDPOINT, True),
        ("sagemaker:InvokeEndpoint", ENDPOINT + "2", False),
        ("sagemaker:InvokeEndpoint", ENDPOINT.replace("us-east-1", "us-west-2"), False),
        ("sagemaker:DeleteEndpoint", ENDPOINT, False),
        ("sagemaker:InvokeEndpointAsync", ENDPOINT, False),
        ("s3:GetObject", "arn:aws:s3:::bucket/live/breeds.json", True),
        ("s3:GetObject", "arn:aws:s3:::bucket/code/x", False),
    ],
)
def test_exactly_what_is_written_is_allowed(action: str, resource: str, allowed: bool) -> None:
    made = role(
        allow("sagemaker:InvokeEndpoint", ENDPOINT),
        allow(["s3:Get*"], ["arn:aws:s3:::bucket/live/*"]),
    )
    assert made.allows(action, resource) is allowed


def test_sagemaker_compares_in_lower_case_so_capitals_in_a_policy_deny() -> None:
    invoke, capital = "sagemaker:InvokeEndpoint", ENDPOINT.replace("kennel", "Kennel")
    assert not role(allow(invoke, capital)).allows(invoke, capital)
    assert role(allow(invoke, ENDPOINT)).allows(invoke, capital)


def test_a_deny_wins() -> None:
    made = role(allow("s3:*", "*"), {"Effect": "Deny", "Action": "s3:Put*", "Resource": "*"})
    assert made.allows("s3:GetObject", "arn:aws:s3:::b/k")
    assert not made.allows("s3:PutObject", "arn:aws:s3:::b/k")


def test_exceptions_are_all_but_what_they_name() -> None:
    made = role({"Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:aws:s3:::secret/*"})
    assert made.allows("s3:GetObject", "arn:aws:s3:::bucket/k")
    assert not made.allows("s3:GetObject", "arn:aws:s3:::secret/k")
    assert not made.allows("iam:CreateRole", "*")


def test_a_variable_is_the_calls_value_or_its_default_or_matches_nothing() -> None:
    made = role(
        allow("s3:GetObject", "arn:aws:s3:::${aws:PrincipalAccount}/${s3:prefix, 'all'}/*"),
        allow("s3:PutObject", "arn:aws:s3:::bucket/${aws:username}"),
        allow("s3:PutObject", "arn:aws:s3:::${aws:username}/${aws:PrincipalAccount}"),
        allow("s3:DeleteObject", "arn:aws:s3:::bucket/${s3:prefix, ''}k"),
    )
    assert made.allows("s3:GetObject", "arn:aws:s3:::123456789012/all/k")
    assert made.allows("s3:DeleteObject", "arn:aws:s3:::bucket/k")
    assert not made.allows("s3:PutObject", "arn:aws:s3:::/123456789012")
    assert made.allows("s3:GetObject", "arn:aws:s3:::123456789012/mine/k", {"s3:prefix": "mine"})
    assert not made.allows("s3:PutObject", "arn:aws:s3:::bucket/")
    assert not made.allows("s3:PutObject", "arn:aws:s3:::bucket/${aws:username}")
    several = {"aws:username": ["a", "b"], "s3:prefix": ["a", "b"]}  # a variable has one value
    assert not made.allows("s3:PutObject", "arn:aws:s3:::bucket/a", several)
    assert not made.allows("s3:GetObject", "arn:aws:s3:::123456789012/a/k", several)
    assert made.allows("s3:GetObject", "arn:aws:s3:::123456789012/all/k", several)


def test_a_condition_must_hold() -> None:
    made = role(
        allow(
            "iam:PassRole",
            "*",
            Condition={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )
    )
    arn = "arn:aws:iam::123456789012:role/r"
    assert made.allows("iam:PassRole", arn, {"iam:PassedToService": "sagemaker.amazonaws.com"})
    assert not made.allows("iam:PassRole", arn, {"iam:PassedToService": "ec2.amazonaws.com"})
    assert not made.allows("iam:PassRole", arn)


def test_a_condition_may_compare_with_a_variable_and_with_the_caller() -> None:
    own = {"StringEquals": {"s3:prefix": "${aws:PrincipalAccount}"}}
    made = role(allow("s3:ListBucket", "*", Condition=own))
    assert made.allows("s3:ListBucket", "arn:aws:s3:::b", {"s3:prefix": "123456789012"})
    assert not made.allows("s3:ListBucket", "arn:aws:s3:::b", {"s3:prefix": "210987654321"})
    caller = {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/a"}}
    made = role(allow("s3:ListBucket", "*", Condition=caller))
    assert replace(made, arn="arn:aws:iam::123456789012:role/a").allows("s3:ListBucket", "*")
    assert not replace(made, arn="arn:aws:iam::123456789012:role/b").allows("s3:ListBucket", "*")


def test_a_boundary_allows_nothing_and_limits_what_is_allowed() -> None:
    deny = {"Effect": "Deny", "Action": "s3:Delete*", "Resource": "*"}
    boundary = role(allow(["s3:Get*", "s3:Put*"], "*"), deny).statements
    made = replace(role(allow(["s3:Get*", "s3:Delete*", "s3:List*"], "*")), boundary=boundary)
    verdicts = {each: made.evaluate(f"s3:{each}Object", "*") for each in ("Get", "Put", "List")}
    assert verdicts == {"Get": "allowed", "Put": "not allowed", "List": "not allowed"}
    assert made.evaluate("s3:DeleteObject", "*") == "denied"


@pytest.mark.parametrize(
    ("properties", "word"),
    [
        ({"ManagedPolicyArns": ["arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"]}, "managed"),
        (
            {
                "Policies": [
                    {"PolicyDocument": {"Statement": {**allow("*", "*"), "NotAction": "s3:*"}}}
                ]
            },
            "NotAction",
        ),
        (
            {
                "Policies": [
                    {
                        "PolicyDocument": {
                            "Statement": allow("*", "*", Condition={"IpAddress": {"a": "b"}})
                        }
                    }
                ]
            },
            "IpAddress",
        ),
    ],
)
def test_what_is_not_evaluated_is_refused(properties: dict[str, Any], word: str) -> None:
    with pytest.raises(CannotStart, match=word):
        read_role("role", properties)


def trust(*services: str, **conditions: dict[str, str]) -> dict[str, object]:
    principal = {"Service": services[0] if len(services) == 1 else list(services)}
    statement: dict[str, object] = {
        "Effect": "Allow",
        "Principal": principal,
        "Action": "sts:AssumeRole",
    }
    if conditions:
        statement["Condition"] = conditions
    return {"AssumeRolePolicyDocument": {"Statement": [statement]}}


def test_a_role_trusts_the_services_that_its_trust_policy_names() -> None:
    assert trusts(trust("sagemaker.amazonaws.com"), "sagemaker.amazonaws.com")
    both = trust("lambda.amazonaws.com", "sagemaker.amazonaws.com")
    assert trusts(both, "sagemaker.amazonaws.com")
    assert not trusts(trust("lambda.amazonaws.com"), "sagemaker.amazonaws.com")


def test_a_service_sends_the_account_for_which_it_assumes_a_role() -> None:
    sagemaker = "sagemaker.amazonaws.com"
    own = {"aws:SourceAccount": "123456789012"}
    assert trusts(trust(sagemaker, StringEquals=own), sagemaker)
    another = {"aws:SourceAccount": "210987654321"}
    assert not trusts(trust(sagemaker, StringEquals=another), sagemaker)
    assert not trusts(trust(sagemaker, StringEquals={"aws:PrincipalTag/team": "x"}), sagemaker)
    job = {"aws:SourceArn": "arn:aws:sagemaker:us-east-1:123456789012:*"}
    assert trusts(trust(sagemaker, StringEquals=own, ArnLike=job), sagemaker)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"Principal": "*"}, "role role uses Principal, which only trust policies have"),
        ({"NotAction": "s3:*"}, "role role has a statement with Action and NotAction"),
        ({"NotResource": "*"}, "role role has a statement with Resource and NotResource"),
        ({"Condition": {"Like": {"a": "b"}}}, "role role uses the condition Like"),
    ],
    ids=["principal", "action twice", "resource twice", "condition"],
)
def test_a_statement_that_iam_would_refuse_names_its_role(more: dict[str, Any], words: str) -> None:
    with pytest.raises(CannotStart, match=words):
        role(allow("s3:GetObject", "*", **more))


def test_statements_know_their_policy() -> None:
    assert [each.policy for each in role(allow("s3:*", "*")).statements] == ["inline"]
    unnamed = {"PolicyDocument": {"Statement": allow("s3:*", "*")}}
    assert [each.policy for each in read_role("role", {"Policies": [unnamed]}).statements] == [""]


def test_a_role_without_policies_is_allowed_nothing() -> None:
    document = trust("lambda.amazonaws.com")
    made = read_role("role", document)
    assert made == Role("role", (), trust=document["AssumeRolePolicyDocument"])  # type: ignore[arg-type]
    assert made.evaluate("s3:GetObject", "*") == "not allowed"
    assert read_role("role", {}) == Role("role", ())


def test_a_verdict_comes_with_the_statements_that_decide_it() -> None:
    deny = {"Effect": "Deny", "Action": "s3:Put*", "Resource": "*"}
    everything, denying = statements = role(allow("s3:*", "*"), deny).statements
    assert evaluate(statements, "s3:GetObject", "*", {}) == ("allowed", [everything])
    assert evaluate(statements, "s3:PutObject", "*", {}) == ("denied", [denying])
    assert evaluate(statements, "ec2:RunInstances", "*", {}) == ("not allowed", [])


SAGEMAKER = "sagemaker.amazonaws.com"


@pytest.mark.parametrize(
    ("statements", "trusted"),
    [
        ([{"Principal": "*"}], True),
        ([{"Principal": {"Service": "*"}}], True),
        ([{"Principal": {"Service": SAGEMAKER}, "Action": "sts:*"}], True),
        ([{"Principal": {"Service": SAGEMAKER}, "Action": "sts:TagSession"}], False),
        ([{"Principal": {"AWS": "*"}}], False),  # anyone's role, and no service
        ([{"Principal": SAGEMAKER.replace("amazonaws", "example")}], False),
        ([{"NotPrincipal": {"Service": "ec2.amazonaws.com"}}], False),
        ([{"Principal": "*"}, {"Principal": {"Service": SAGEMAKER}, "Effect": "Deny"}], False),
        ([{"Principal": "*", "Effect": "Deny"}], False),
    ],
    ids=[
        *("anyone", "any service", "any action", "another action", "any account", "another"),
        *("all but one", "denied", "only denied"),
    ],
)
def test_whom_a_trust_policy_names(statements: list[dict[str, Any]], trusted: bool) -> None:
    plain = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    document = {"Statement": [{**plain, **each} for each in statements]}
    assert trusts({"AssumeRolePolicyDocument": document}, SAGEMAKER) is trusted
