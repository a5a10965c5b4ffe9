"""Tags beyond a page; the rest is in the conformance table."""

import asyncio

import pytest

from kennel.cloud.runtime.store import Store
from kennel.cloud.sagemaker.errors import ServiceError
from kennel.cloud.sagemaker.tags import MOST_TAGS, Tags

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model/dogs"


def test_a_resource_has_fifty_tags_at_most() -> None:
    tags = Tags(Store(None))
    tags.keep(ARN, [{"Key": str(number), "Value": ""} for number in range(MOST_TAGS)])
    again = {"ResourceArn": ARN.upper(), "Tags": [{"Key": "0", "Value": "new"}]}
    asyncio.run(tags.add_tags(again))  # a key that is there is no new tag
    with pytest.raises(ServiceError, match="50"):
        more = {"ResourceArn": ARN, "Tags": [{"Key": "51st", "Value": ""}]}
        asyncio.run(tags.add_tags(more))
    found = asyncio.run(tags.list_tags({"ResourceArn": ARN}))
    assert len(found["Tags"]) == MOST_TAGS and "NextToken" not in found
    assert found["Tags"][0] == {"Key": "0", "Value": "new"}
