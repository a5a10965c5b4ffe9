"""Limit the tags of a resource; the conformance cases cover the rest."""

import asyncio

import pytest

from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.runtime.store import Store
from kennel.cloud.sagemaker.tags import MAX_TAGS, Tags

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model/dogs"


def test_a_resource_has_fifty_tags_at_most() -> None:
    tags = Tags(Store(None))
    tags.replace(ARN, [{"Key": str(number), "Value": ""} for number in range(MAX_TAGS)])
    again = {"ResourceArn": ARN.upper(), "Tags": [{"Key": "0", "Value": "new"}]}
    asyncio.run(tags.add_tags(again))  # a key that is there is no new tag
    with pytest.raises(ServiceError, match="50"):
        more = {"ResourceArn": ARN, "Tags": [{"Key": "51st", "Value": ""}]}
        asyncio.run(tags.add_tags(more))
    listed = asyncio.run(tags.list_tags({"ResourceArn": ARN}))
    assert len(listed["Tags"]) == MAX_TAGS and "NextToken" not in listed
    assert listed["Tags"][0] == {"Key": "0", "Value": "new"}
