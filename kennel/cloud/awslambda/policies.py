"""Lambda's calls about functions' resource policies, which are recorded and not evaluated."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from kennel.cloud.awslambda.description import ManagedFunction, arn_of
from kennel.cloud.awslambda.errors import conflict, not_found
from kennel.cloud.cloudformation.names import ACCOUNT
from kennel.cloud.runtime.store import Store

Json = dict[str, Any]
_KIND = "function-policy"
#: Parameter of AddPermission -> the operator and the key of its condition.
_CONDITIONS = {
    "SourceArn": ("ArnLike", "AWS:SourceArn"),
    "SourceAccount": ("StringEquals", "AWS:SourceAccount"),
    "PrincipalOrgID": ("StringEquals", "aws:PrincipalOrgID"),
    "EventSourceToken": ("StringEquals", "lambda:EventSourceToken"),
    "FunctionUrlAuthType": ("StringEquals", "lambda:FunctionUrlAuthType"),
    "InvokedViaFunctionUrl": ("Bool", "lambda:InvokedViaFunctionUrl"),
}


class FunctionPolicies:
    """The resource policies of all functions.

    Parameters
    ----------
    checked
        Returns the function that a call names; raises ServiceError without one, or for another
        RevisionId than its own.
    """

    def __init__(self, store: Store, checked: Callable[[Json], ManagedFunction]) -> None:
        self._store = store
        self._checked = checked
        self.calls: Mapping[str, Callable[[Json], Awaitable[Json]]] = {
            "AddPermission": self._add,
            "RemovePermission": self._remove,
            "GetPolicy": self._get,
        }

    def forget(self, name: str) -> None:
        """Delete the resource policy of a function that was deleted."""
        self._store.delete(_KIND, name)

    async def _add(self, parameters: Json) -> Json:
        name = self._checked(parameters).name
        before, sid = self._statements(name), parameters["StatementId"]
        if any(each["Sid"] == sid for each in before):
            raise conflict(
                f"The statement id ({sid}) provided already exists. Please provide a new statement "
                "id, or remove the existing statement."
            )
        statement = {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": _principal(parameters["Principal"]),
            "Action": parameters["Action"],
            "Resource": arn_of(name),
        }
        conditions: dict[str, Json] = {}
        for parameter, (operator, key) in _CONDITIONS.items():
            if parameter in parameters:
                value = parameters[parameter]
                text = str(value).lower() if isinstance(value, bool) else value
                conditions.setdefault(operator, {})[key] = text
        if conditions:
            statement["Condition"] = conditions
        self._store.put(_KIND, name, {"statements": [*before, statement]})
        return {"Statement": _text(statement)}

    async def _remove(self, parameters: Json) -> Json:
        name = self._checked(parameters).name
        before, sid = self._statements(name), parameters["StatementId"]
        left = [each for each in before if each["Sid"] != sid]
        if len(left) == len(before):
            raise not_found(f"Statement {sid} is not found in resource policy.")
        self._store.put(_KIND, name, {"statements": left})
        return {}

    async def _get(self, parameters: Json) -> Json:
        function = self._checked(parameters)
        statements = self._statements(function.name)
        if not statements:
            raise not_found()
        policy = {"Version": "2012-10-17", "Id": "default", "Statement": statements}
        return {"Policy": _text(policy), "RevisionId": function.revision}

    def _statements(self, name: str) -> list[Json]:
        policy = self._store.get(_KIND, name) or {"statements": []}
        statements: list[Json] = policy["statements"]
        return statements


def _principal(principal: str) -> Any:
    """Return a statement's principal: a service, an account, an ARN or everybody."""
    if principal.isdecimal() and len(principal) == len(ACCOUNT):
        principal = f"arn:aws:iam::{principal}:root"
    if principal.startswith("arn:"):
        return {"AWS": principal}
    return principal if principal == "*" else {"Service": principal}


def _text(document: Json) -> str:
    return json.dumps(document, separators=(",", ":"))
