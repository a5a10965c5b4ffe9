"""Answer ListTags, AddTags and DeleteTags for any resource, by its ARN."""

from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.errors import invalid
from kennel.cloud.sagemaker.handlers import Handler
from kennel.cloud.sagemaker.listing import page

MAX_TAGS = 50  # https://docs.aws.amazon.com/general/latest/gr/aws_tagging.html


class Tags:
    """Tags by ARN; `SageMaker` stores the tags of each Create request here, too."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def handlers(self) -> dict[str, Handler]:
        """Return the handler of each action."""
        return {
            "ListTags": self.list_tags,
            "AddTags": self.add_tags,
            "DeleteTags": self.delete_tags,
        }

    async def list_tags(self, request: Json) -> Json:
        """ListTags."""
        tags = [{"Key": key, "Value": value} for key, value in self._tags_of(request).items()]
        return page("Tags", tags, request, default_size=MAX_TAGS)

    async def add_tags(self, request: Json) -> Json:
        """AddTags: an existing key gets the new value."""
        tags = self._tags_of(request) | {each["Key"]: each["Value"] for each in request["Tags"]}
        if len(tags) > MAX_TAGS:
            raise invalid(f"The number of tags exceeds the limit of {MAX_TAGS}.")
        self._store.put("tags", _key(request), tags)
        return {"Tags": request["Tags"]}

    async def delete_tags(self, request: Json) -> Json:
        """DeleteTags: a missing key is no error."""
        removed = set(request["TagKeys"])
        tags = {key: value for key, value in self._tags_of(request).items() if key not in removed}
        self._store.put("tags", _key(request), tags)
        return {}

    def replace(self, arn: str, tags: list[Json]) -> None:
        """Replace all tags of a resource; an empty list removes them."""
        self._store.put("tags", arn.lower(), {each["Key"]: each["Value"] for each in tags})

    def _tags_of(self, request: Json) -> dict[str, str]:
        return self._store.get("tags", _key(request)) or {}


def _key(request: Json) -> str:
    return str(request["ResourceArn"]).lower()
