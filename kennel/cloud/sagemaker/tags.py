"""Tags of any SageMaker resource, by its ARN."""

from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.errors import ServiceError
from kennel.cloud.sagemaker.listing import page

MOST_TAGS = 50  # https://docs.aws.amazon.com/general/latest/gr/aws_tagging.html


class Tags:
    """ListTags, AddTags and DeleteTags; the dispatcher keeps a Create's own tags here."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list_tags(self, request: Json) -> Json:
        """ListTags."""
        tags = [{"Key": key, "Value": value} for key, value in self._of(request).items()]
        return page("Tags", tags, request, default_size=MOST_TAGS)

    async def add_tags(self, request: Json) -> Json:
        """AddTags: a key that is there gets the new value."""
        kept = self._of(request) | {each["Key"]: each["Value"] for each in request["Tags"]}
        if len(kept) > MOST_TAGS:
            raise ServiceError(
                "ValidationException", f"The number of tags exceeds the limit of {MOST_TAGS}."
            )
        self._store.put("tags", _key(request), kept)
        return {"Tags": request["Tags"]}

    async def delete_tags(self, request: Json) -> Json:
        """DeleteTags: a key that is not there is no error."""
        gone = set(request["TagKeys"])
        kept = {key: value for key, value in self._of(request).items() if key not in gone}
        self._store.put("tags", _key(request), kept)
        return {}

    def keep(self, arn: str, tags: list[Json]) -> None:
        """Give a resource these tags and no others; none when it is gone."""
        self._store.put("tags", arn.lower(), {each["Key"]: each["Value"] for each in tags})

    def _of(self, request: Json) -> dict[str, str]:
        return self._store.get("tags", _key(request)) or {}


def _key(request: Json) -> str:
    return str(request["ResourceArn"]).lower()
