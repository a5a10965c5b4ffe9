"""Names, ARNs and attributes of a stack's resources."""

from collections.abc import Mapping
from typing import Any

from kennel.cloud.cloudformation.intrinsics import Resolver
from kennel.cloud.cloudformation.resource_types import ResourceType, kind_of
from kennel.errors import CannotStart

ACCOUNT = "123456789012"  # moto's
REGION = "us-east-1"


class Names:
    """Names, ARNs and attributes of declared resources, before anything exists."""

    def __init__(self, declared: Mapping[str, Any], stack_name: str) -> None:
        self._declared = declared
        self._stack_name = stack_name
        self.resolver: Resolver  # names may be made of parameters, and parameters of names

    def name(self, logical_id: str) -> str:
        """Return the name chosen in the template, or one generated as CloudFormation does."""
        kind = self._kind(logical_id)
        chosen = self._declared[logical_id].get("Properties", {}).get(kind.name_property)
        if chosen:
            return str(self.resolver.resolve(chosen))
        generated = f"{self._stack_name}-{logical_id}"
        is_bucket = self._declared[logical_id]["Type"] == "AWS::S3::Bucket"
        return generated.lower() if is_bucket else generated  # S3 takes no capitals

    def arn(self, logical_id: str) -> str:
        """Return the ARN; for a type that has none, the name."""
        return self._fill(self._kind(logical_id).arn or "{name}", logical_id)

    def reference(self, logical_id: str) -> str:
        """Return the value of `Ref`."""
        kind = self._kind(logical_id)
        if kind.ref:
            return self._fill(kind.ref, logical_id)
        return self.arn(logical_id) if kind.ref_is_arn else self.name(logical_id)

    def attribute(self, logical_id: str, wanted: str) -> str:
        """Return the value of `Fn::GetAtt`."""
        kind = self._kind(logical_id)
        if wanted == "Arn" and kind.arn:
            return self.arn(logical_id)
        if wanted in kind.attributes:
            return self._fill(kind.attributes[wanted], logical_id)
        raise CannotStart(
            f"the template uses {logical_id}.{wanted}, which the offline cloud does not know: "
            "add it to kennel/cloud/cloudformation/resource_types.py"
        )

    def _kind(self, logical_id: str) -> ResourceType:
        if logical_id not in self._declared:
            raise CannotStart(f"the template refers to {logical_id}, which it does not define")
        kind = kind_of(self._declared[logical_id]["Type"])
        assert kind is not None  # noqa: S101 - template.py has refused unknown types
        return kind

    def _fill(self, pattern: str, logical_id: str) -> str:
        name = self.name(logical_id)
        if pattern.startswith("arn:aws:ssm:"):
            name = name.lstrip("/")  # a hierarchy's ARN has no second slash
        return pattern.format(region=REGION, account=ACCOUNT, name=name)
