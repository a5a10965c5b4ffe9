"""Check that the role with which SageMaker pulls a container's image may do so.

Nothing is pulled offline; what ECR would ask of the role is authorised all the same. Only images
in ECR are pulled with a role. Policies of repositories are not evaluated: AWS's own images are
open to every account, and those of another account need one there.

https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
"""

import re
from collections.abc import Awaitable, Callable, Iterator

from kennel.cloud.iam.permissions import AccessDenied, Authorizer
from kennel.cloud.iam.policy import RequiredPermission
from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.sagemaker.account import Account

#: (image, ARN of a role) -> nothing; CannotPull says why the role may not pull the image.
CheckPull = Callable[[str, str], Awaitable[None]]

_URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?"
    r"/(?P<repository>[^:@]+)"
)
#: The manifest first: AWS names BatchGetImage of a role that has none of these.
_OF_THE_REPOSITORY = (
    *("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"),
)


class CannotPull(Exception):  # noqa: N818
    """A role that may not pull an image; the message is SageMaker's."""


async def allow_every_pull(image: str, role: str) -> None:
    """Let every role pull every image: for an emulator without authorisation."""


def pulls_checked_by(authorizer: Authorizer, account: Account) -> CheckPull:
    """Return the check of pulls by a cloud's authorisation, for the roles of its account."""

    async def check(image: str, role: str) -> None:
        await authorizer.refresh()
        for permission in _required(image):
            try:
                authorizer.check(account.key(role), permission)
            except ServiceError as error:  # no such role
                raise CannotPull(str(error)) from error
            except AccessDenied as error:
                action = permission.action.removeprefix("ecr:")
                # https://github.com/aws/sagemaker-tensorflow-serving-container/issues/182
                raise CannotPull(
                    f"The role '{role}' does not have {action} permission for the image: '{image}'."
                ) from error

    return check


def _required(image: str) -> Iterator[RequiredPermission]:
    """Yield the permissions that pulling an image needs; none for one that is not in ECR."""
    if match := _URI.match(image):
        place = f"{match['region']}:{match['account']}"
        for action in _OF_THE_REPOSITORY:
            arn = f"arn:aws:ecr:{place}:repository/{match['repository']}"
            yield RequiredPermission(action, arn)
        yield RequiredPermission("ecr:GetAuthorizationToken", "*")
