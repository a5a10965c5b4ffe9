"""Names, ARNs and attributes of a stack's resources."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kennel.cloud.cloudformation.intrinsics import Resolver
from kennel.cloud.cloudformation.resource_types import ResourceType, kind_of
from kennel.errors import CannotStart

ACCOUNT = "123456789012"  # moto's
REGION = "us-east-1"
_ID = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True)
class Created:
    """What is known of a resource before all of its stack exists.

    Attributes
    ----------
    name
        Its physical id; empty for one that does not exist yet.
    attributes
        What its creation answered for Fn::GetAtt.
    generation
        How often it was replaced: each replacement gets a new generated name.
    """

    name: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    generation: int = 0


_NEW = Created()


class Names:
    """Names, ARNs and attributes of declared resources, existing or not.

    Parameters
    ----------
    created
        By logical id, read at each use.
    """

    def __init__(
        self, declared: Mapping[str, Any], stack_name: str, created: Mapping[str, Created]
    ) -> None:
        self._declared = declared
        self._stack_name = stack_name
        self._created = created
        self.resolver: Resolver  # names may be made of parameters, and parameters of names

    def name(self, logical_id: str) -> str:
        """Return the physical id, the name chosen in the template, or a generated one."""
        created = self._created.get(logical_id, _NEW)
        if created.name:
            return created.name
        kind = self._kind(logical_id)
        properties = self._declared[logical_id].get("Properties") or {}
        if chosen := properties.get(kind.name_property):
            return str(self.resolver.resolve(chosen))
        generated = f"{self._stack_name}-{logical_id}"
        if created.generation:
            generated = f"{generated}-{created.generation}"
        if kind.id_length:
            digest = int.from_bytes(hashlib.sha256(generated.encode()).digest(), "big")
            return "".join(
                _ID[digest // len(_ID) ** place % len(_ID)] for place in range(kind.id_length)
            )
        is_bucket = self._declared[logical_id]["Type"] == "AWS::S3::Bucket"
        return generated.lower() if is_bucket else generated  # S3 takes no capitals

    def arn(self, logical_id: str) -> str:
        """Return the ARN; for a type that has none, the name."""
        name = self.name(logical_id)
        if name.startswith("arn:"):  # a physical id that is an ARN
            return name
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
        created = self._created.get(logical_id, _NEW)
        if wanted in created.attributes:
            return created.attributes[wanted]
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
