"""IAM's policy simulator, answered by the evaluation that authorises every call here.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from moto.iam.exceptions import MalformedPolicyDocument
from moto.iam.policy_validation import IAMPolicyDocumentValidator

from kennel.cloud.iam.policy import Statement, evaluate, read_policy, values_of
from kennel.cloud.runtime.errors import ServiceError, not_implemented
from kennel.cloud.runtime.pages import numbered_page
from kennel.errors import CannotStart

_DECISIONS = {"allowed": "allowed", "denied": "explicitDeny", "not allowed": "implicitDeny"}
_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9]+")
_NOT_EVALUATED = ("ResourcePolicy", "ResourceOwner", "ResourceHandlingOption")
_PAGE = 100  # results, where the call says nothing
Json = Mapping[str, Any]


def simulated(
    parameters: Json,
    statements: Sequence[Statement] = (),
    boundary: Sequence[Statement] | None = None,
    principal: str = "",
) -> dict[str, Any]:
    """Return the result of a simulation.

    Parameters
    ----------
    parameters
        Of SimulatePrincipalPolicy or SimulateCustomPolicy.
    statements, boundary, principal
        A role's, and its ARN, for SimulatePrincipalPolicy.

    Raises
    ------
    ServiceError
        For a policy or an action that cannot be read, and for parameters that are not evaluated.
    """
    for name in _NOT_EVALUATED:
        if name in parameters:
            raise not_implemented(f"the offline cloud's policy simulator does not evaluate {name}")
    for action in parameters["ActionNames"]:
        if not _ACTION.fullmatch(action):
            raise _invalid(f"Invalid Action: {action}, expected such as s3:GetObject")
    given = tuple(_read(parameters, "PolicyInputList"))
    limits = tuple(_read(parameters, "PermissionsBoundaryPolicyInputList"))
    policies: list[Sequence[Statement]] = [(*statements, *given)]
    policies += [limits] if limits else [] if boundary is None else [boundary]
    context = {"aws:PrincipalArn": principal} if principal else {}
    context |= {
        each["ContextKeyName"]: each.get("ContextKeyValues", [])
        for each in parameters.get("ContextEntries", [])
    }
    asked = itertools.product(parameters["ActionNames"], parameters.get("ResourceArns") or ["*"])
    results = [_result(action, resource, context, policies) for action, resource in asked]
    page, marker = numbered_page(
        results,
        parameters.get("Marker"),
        int(parameters.get("MaxItems") or _PAGE),
        lambda text: _invalid(f"Invalid Marker: {text}, expected the Marker of an earlier answer"),
    )
    answer = {"EvaluationResults": page, "IsTruncated": marker is not None}
    return answer | ({"Marker": marker} if marker else {})


def _result(
    action: str, resource: str, context: Json, policies: Sequence[Sequence[Statement]]
) -> dict[str, Any]:
    verdicts = [evaluate(each, action, resource, context) for each in policies]
    decisions = [verdict for verdict, _ in verdicts]
    decision = next((each for each in ("denied", "not allowed") if each in decisions), "allowed")
    deciding = [each for verdict, covering in verdicts if verdict == decision for each in covering]
    values = values_of(context)
    missing = {
        condition.key
        for statements in policies
        for statement in statements
        if statement.concerns(action, resource, values)
        for condition in statement.conditions
        if condition.key not in values
    }
    result: dict[str, Any] = {
        "EvalActionName": action,
        "EvalResourceName": resource,
        "EvalDecision": _DECISIONS[decision],
        "MatchedStatements": [
            {"SourcePolicyId": each, "SourcePolicyType": "IAM Policy"}
            for each in dict.fromkeys(statement.policy for statement in deciding)
        ],
        "MissingContextValues": sorted(missing),
    }
    if len(policies) > 1:
        allowed = decisions[1] == "allowed"
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": allowed}
    return result


def _read(parameters: Json, name: str) -> Iterator[Statement]:
    for number, text in enumerate(parameters.get(name, []), 1):
        try:
            IAMPolicyDocumentValidator(text).validate()
            yield from read_policy(f"{name}.{number}", json.loads(text), f"{name}.{number}")
        except MalformedPolicyDocument as error:
            raise _invalid(f"{name}.{number}: {error.message}") from error
        except CannotStart as error:
            raise not_implemented(str(error)) from error


def _invalid(message: str) -> ServiceError:
    return ServiceError("InvalidInput", message)
