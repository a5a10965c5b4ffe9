"""Check that an endpoint's model roles may call DescribeAlarms on its AutoRollbackConfiguration.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
"""

from kennel.cloud.cloudformation.names import ACCOUNT, REGION
from kennel.cloud.iam.permissions import AccessDenied, Authorizer
from kennel.cloud.iam.policy import RequiredPermission
from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.account import Account
from kennel.cloud.sagemaker.endpoints.snapshot import take_snapshot
from kennel.cloud.sagemaker.errors import invalid
from kennel.cloud.sagemaker.handlers import Handler


def reading_of_alarms(deployment_config: Json) -> list[RequiredPermission]:
    """Return what the automatic rollback of a DeploymentConfig requires."""
    rollback = deployment_config.get("AutoRollbackConfiguration") or {}
    return [
        RequiredPermission(
            "cloudwatch:DescribeAlarms",
            f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{alarm['AlarmName']}",
        )
        for alarm in rollback.get("Alarms", [])
    ]


class RollbackRoles:
    """Refuses an update whose alarms the role of one of its models may not read."""

    def __init__(self, store: Store, account: Account, authorizer: Authorizer) -> None:
        self._store = store
        self._account = account
        self._authorizer = authorizer

    def checked(self, update_endpoint: Handler) -> Handler:
        """Return the handler of UpdateEndpoint with this check before it."""

        async def handle(request: Json) -> Json:
            await self._authorizer.refresh()
            if permissions := reading_of_alarms(request.get("DeploymentConfig") or {}):
                models = take_snapshot(self._store, request["EndpointConfigName"]).models.values()
                for role in {model["ExecutionRoleArn"] for model in models}:
                    self._check(role, permissions)
            return await update_endpoint(request)

        return handle

    def _check(self, role: str, permissions: list[RequiredPermission]) -> None:
        for permission in permissions:
            try:
                self._authorizer.check(self._account.key(role), permission)
            except AccessDenied as error:
                raise invalid(
                    f"The role {role} of a model is not authorized to perform: "
                    f"{permission.action} on resource: {permission.resource}, by whose state the "
                    "deployment would be rolled back"
                ) from error
