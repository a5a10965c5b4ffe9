"""IAM's and STS's calls: moto answers them, and the gateway enforces the roles that result."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from botocore.parsers import create_parser
from starlette.requests import Request
from starlette.responses import Response

from kennel.cloud.cloudformation.names import ACCOUNT
from kennel.cloud.iam.identity import Identities
from kennel.cloud.iam.permissions import AccessDenied
from kennel.cloud.iam.policy import as_list, assumable, conditions_of, read_policy
from kennel.cloud.iam.requests import ApiCall
from kennel.cloud.iam.roles import AccountRoles
from kennel.cloud.iam.simulate import simulated
from kennel.cloud.runtime.answers import written
from kennel.cloud.runtime.errors import ServiceError, not_implemented
from kennel.cloud.runtime.service_models import service_model
from kennel.errors import CannotStart

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient

Moto = Callable[[Request, ApiCall], Awaitable[Response]]
_READS = ("Get", "List", "Generate", "Simulate")
_OPERATOR = f"arn:aws:sts::{ACCOUNT}:user/moto"  # as moto's GetCallerIdentity names it


class Iam:
    """Passes IAM's calls to moto; changed roles and policies are enforced from the next call on.

    Parameters
    ----------
    moto
        Answers all calls but those of the policy simulator.
    iam
        A boto3 client of moto's IAM.
    identities
        Get the account's roles by `refresh`.
    """

    def __init__(self, moto: Moto, iam: "IAMClient", identities: Identities) -> None:
        self._moto = moto
        self._roles = AccountRoles(iam)
        self._identities = identities
        self._changed = True  # an earlier run may have kept roles
        self._reading = asyncio.Lock()

    async def __call__(self, request: Request, call: ApiCall) -> Response:
        """Answer a call; NotImplementedOffline for a policy that cannot be evaluated here."""
        if call.operation.startswith("Simulate"):
            await self.refresh()
            return written("iam", call.operation, self._simulated(call))
        await self._refuse_unknown(call)
        response = await self._moto(request, call)
        self._changed |= not call.operation.startswith(_READS)
        return response

    async def refresh(self) -> None:
        """Read the roles again if IAM has changed; a stack makes many changes in a row."""
        async with self._reading:
            if not self._changed:
                return
            self._changed = False
            try:
                self._identities.update(await asyncio.to_thread(self._roles.read))
            except BaseException:
                self._changed = True
                raise

    def _simulated(self, call: ApiCall) -> dict[str, Any]:
        if call.operation == "SimulateCustomPolicy":
            return simulated(call.parameters)
        arn = call.parameters["PolicySourceArn"]
        if ":role/" not in arn:
            raise not_implemented(f"the offline cloud simulates roles, and {arn} is none")
        key = self._identities.key_of(arn)
        if key is None:
            raise ServiceError("NoSuchEntity", f"The role with ARN {arn} cannot be found.", 404)
        role = self._identities.roles_of(key)[key]
        return simulated(call.parameters, role.statements, role.boundary, arn)

    async def _refuse_unknown(self, call: ApiCall) -> None:
        """Raise ServiceError for a policy that uses what is not evaluated."""
        parameters = call.parameters
        owner = parameters.get("RoleName") or parameters.get("PolicyName", "")
        policy, trust = map(parameters.get, ("PolicyDocument", "AssumeRolePolicyDocument"))
        if call.operation == "UpdateAssumeRolePolicy":  # its trust policy is a PolicyDocument
            policy, trust = None, policy
        try:
            if policy is not None:
                read_policy(owner, json.loads(policy))
            if trust is not None:
                for each in as_list(json.loads(trust)["Statement"]):
                    conditions_of(owner, each)
            if call.operation == "AttachRolePolicy":
                attached = await asyncio.to_thread(self._roles.document, parameters["PolicyArn"])
                read_policy(owner, attached)
        except CannotStart as error:
            raise not_implemented(str(error)) from error
        except (ValueError, KeyError, TypeError, AttributeError, ClientError):
            return  # moto refuses it in IAM's words


class Sts:
    """Passes STS's calls to moto; the key that AssumeRole returns has its role's permissions."""

    def __init__(self, moto: Moto, identities: Identities) -> None:
        self._moto = moto
        self._identities = identities

    async def __call__(self, request: Request, call: ApiCall) -> Response:
        """Answer a call; raises AccessDenied for a role that the caller may not assume."""
        caller = next(iter(self._identities.roles_of(call.access_key)), None)
        if call.operation == "GetCallerIdentity" and caller:
            arn = self._identities.session_arn(caller)
            user = f"{call.access_key}:{arn.rpartition('/')[2]}"
            return written("sts", call.operation, {"UserId": user, "Account": ACCOUNT, "Arn": arn})
        if call.operation != "AssumeRole":
            return await self._moto(request, call)
        role_key = self._assumable(call)
        response = await self._moto(request, call)
        body = b"".join([chunk async for chunk in response.body_iterator])  # type: ignore[attr-defined]
        answer: Any = create_parser("query").parse(
            {"status_code": response.status_code, "headers": {}, "body": body},
            service_model("sts").operation_model("AssumeRole").output_shape,
        )
        if credentials := answer.get("Credentials"):
            name = call.parameters["RoleSessionName"]
            self._identities.start_session(credentials["AccessKeyId"], role_key, name)
        return Response(body, response.status_code, {"content-type": "text/xml"})

    def _assumable(self, call: ApiCall) -> str:
        """Return the key of the role that a call assumes; raises AccessDenied."""
        arn = call.parameters["RoleArn"]
        caller, principals = _OPERATOR, {_OPERATOR}
        for key, role in self._identities.roles_of(call.access_key).items():
            caller = self._identities.session_arn(key)
            principals = {caller, role.arn}
        if wanted := self._identities.key_of(arn):
            role = self._identities.roles_of(wanted)[wanted]
            account = {ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root"}
            context = {"aws:PrincipalArn": caller}
            if external := call.parameters.get("ExternalId"):
                context["sts:ExternalId"] = external
            if assumable(role.trust, "AWS", principals | account, context):
                return wanted
        raise AccessDenied(
            f"User: {caller} is not authorized to perform: sts:AssumeRole on resource: {arn}"
        )
