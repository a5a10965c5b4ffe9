"""Read the account's roles and their policies from IAM, as moto records it."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from kennel.cloud.iam.policy import Role, Statement, read_policy

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient

Json = Mapping[str, Any]


class AccountRoles:
    """Reads all roles of the account.

    Parameters
    ----------
    iam
        A boto3 client of moto's IAM.
    """

    def __init__(self, iam: "IAMClient") -> None:
        self._iam = iam
        self._of_aws: dict[str, Json] = {}  # documents of AWS's managed policies, by ARN

    def read(self) -> dict[str, Role]:
        """Return the roles by unique id.

        Raises
        ------
        CannotStart
            For a policy that uses what is not evaluated.
        """
        details = self._iam.get_account_authorization_details(Filter=["Role", "LocalManagedPolicy"])
        documents = {
            policy["Arn"]: version["Document"]
            for policy in details["Policies"]
            for version in policy["PolicyVersionList"]
            if version["VersionId"] == policy["DefaultVersionId"]
        }
        return {each["RoleId"]: self._role(each, documents) for each in details["RoleDetailList"]}

    def document(self, arn: str) -> Json:
        """Return the document of a managed policy; raises ClientError for one that is not there."""
        if arn not in self._of_aws:
            version = self._iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            answer = self._iam.get_policy_version(PolicyArn=arn, VersionId=version)
            document: Any = answer["PolicyVersion"]["Document"]
            if not arn.startswith("arn:aws:iam::aws:"):
                return document  # type: ignore[no-any-return]
            self._of_aws[arn] = document
        return self._of_aws[arn]

    def _role(self, detail: Any, documents: Json) -> Role:
        boundary = detail.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        return Role(
            detail["RoleName"],
            tuple(self._statements(detail, documents)),
            detail["Arn"],
            tuple(self._managed(detail["RoleName"], boundary, documents)) if boundary else None,
            detail["AssumeRolePolicyDocument"],
        )

    def _statements(self, detail: Any, documents: Json) -> Iterator[Statement]:
        name = detail["RoleName"]
        for policy in detail.get("RolePolicyList", []):
            policy_id = f"role_{name}_{policy['PolicyName']}"
            yield from read_policy(name, policy["PolicyDocument"], policy_id)
        for policy in detail.get("AttachedManagedPolicies", []):
            yield from self._managed(name, policy["PolicyArn"], documents)

    def _managed(self, role: str, arn: str, documents: Json) -> list[Statement]:
        document = documents[arn] if arn in documents else self.document(arn)
        return read_policy(role, document, arn.rpartition("/")[2])
