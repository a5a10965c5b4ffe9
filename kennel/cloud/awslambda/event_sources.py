"""Lambda's calls about event source mappings, of queues in SQS.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
"""

import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from kennel.cloud.awslambda.code_package import invalid
from kennel.cloud.awslambda.description import arn_of
from kennel.cloud.awslambda.errors import conflict, not_found
from kennel.cloud.awslambda.functions import LambdaService, NoSuchFunction
from kennel.cloud.cloudformation.names import ACCOUNT, REGION
from kennel.cloud.iam.permissions import Authorizer
from kennel.cloud.iam.policy import RequiredPermission
from kennel.cloud.runtime.errors import not_implemented
from kennel.cloud.runtime.pages import numbered_page
from kennel.cloud.runtime.store import Store

Json = dict[str, Any]
KIND = "event-source-mapping"
_PAGE = 100
_BATCH = 10  # messages, where the call says nothing, and the most without a window
#: What the function's role needs.
ACTIONS = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
_KEPT = (
    *("BatchSize", "MaximumBatchingWindowInSeconds", "FunctionResponseTypes", "ScalingConfig"),
    "Enabled",
)
_IGNORED = ("FunctionName", "EventSourceArn", "UUID", "Tags")


def check_emulated(parameters: Mapping[str, Any]) -> None:
    """Raise NotImplementedOffline for a mapping of another source, or settings not emulated."""
    source = parameters.get("EventSourceArn", "")
    if not source.startswith("arn:aws:sqs:"):
        kinds = [source] if source else sorted(set(parameters) - {"FunctionName"})
        raise not_implemented(
            f"an event source mapping of {', '.join(kinds)}: only SQS queues invoke functions "
            "offline"
        )
    _check_settings(parameters)


def _check_settings(parameters: Mapping[str, Any]) -> None:
    if others := sorted(set(parameters) - {*_KEPT, *_IGNORED}):
        raise not_implemented(
            f"an SQS queue's event source mapping with {', '.join(others)} is not emulated"
        )


class EventSources:
    """The event source mappings of the account.

    Parameters
    ----------
    sqs
        A boto3 client of moto's SQS.
    """

    def __init__(
        self, functions: LambdaService, store: Store, sqs: Any, authorizer: Authorizer
    ) -> None:
        self._functions = functions
        self._store = store
        self._sqs = sqs
        self._authorizer = authorizer
        self.calls: Mapping[str, Callable[[Json], Awaitable[Json]]] = {
            "CreateEventSourceMapping": self._create,
            "UpdateEventSourceMapping": self._update,
            "GetEventSourceMapping": self._get,
            "ListEventSourceMappings": self._list,
            "DeleteEventSourceMapping": self._delete,
        }

    async def _create(self, parameters: Json) -> Json:
        check_emulated(parameters)
        mapping = {
            "UUID": str(uuid.uuid4()),
            "EventSourceArn": parameters["EventSourceArn"],
            "FunctionName": parameters["FunctionName"],
        }
        return await self._keep(mapping, parameters)

    async def _update(self, parameters: Json) -> Json:
        return await self._keep(self._named(parameters), parameters)

    async def _keep(self, before: Json, parameters: Json) -> Json:
        settings = {key: parameters[key] for key in _KEPT if key in parameters}
        _check_settings(parameters)
        mapping = {**before, **settings, "modified": time.time()}
        wanted = {**before, **parameters}["FunctionName"]
        try:
            name = self._functions.name_of(wanted)
        except NoSuchFunction as error:
            raise invalid("Function does not exist") from error
        mapping["FunctionName"] = name
        self._check(mapping)
        self._store.put(KIND, mapping["UUID"], mapping)
        return _described(mapping)

    def _check(self, mapping: Json) -> None:
        """Raise ServiceError for a mapping that Lambda refuses."""
        source, name = mapping["EventSourceArn"], mapping["FunctionName"]
        for other in self._store.all(KIND):
            same = (other["EventSourceArn"], other["FunctionName"]) == (source, name)
            if same and other["UUID"] != mapping["UUID"]:
                raise conflict(
                    f'The event source arn (" {source} ") and function (" {name} ") provided '
                    "mapping already exists. Please update or delete the existing mapping with "
                    f"UUID {other['UUID']}"
                )
        if mapping.get("BatchSize", _BATCH) > _BATCH:
            if source.endswith(".fifo"):
                raise invalid("Batch size must be 10 or less for FIFO queues")
            if not mapping.get("MaximumBatchingWindowInSeconds"):
                raise invalid(
                    "Maximum batch window in seconds must be greater than 0 if maximum batch size "
                    "is greater than 10"
                )
        function = self._functions.configs[name]
        for action in ACTIONS:
            permission = RequiredPermission(f"sqs:{action}", source)
            if not self._authorizer.allows(function.role, permission):
                raise invalid(
                    f"The provided execution role does not have permissions to call {action} on SQS"
                )
        try:
            attributes = self._sqs.get_queue_attributes(
                QueueUrl=queue_url(source), AttributeNames=["VisibilityTimeout"]
            )["Attributes"]
        except ClientError as error:
            reason = error.response["Error"]
            raise invalid(
                f"Error occurred while ReceiveMessage. SQS Error Code: {reason['Code']}. SQS Error "
                f"Message: {reason['Message']}"
            ) from error
        visible = int(attributes["VisibilityTimeout"])
        if visible < function.timeout:
            raise invalid(
                f"Queue visibility timeout: {visible} seconds is less than Function timeout: "
                f"{function.timeout:.0f} seconds"
            )

    async def _get(self, parameters: Json) -> Json:
        return _described(self._named(parameters))

    async def _list(self, parameters: Json) -> Json:
        source = parameters.get("EventSourceArn")
        name = parameters.get("FunctionName", "").rpartition(":function:")[2]
        fitting = [
            _described(each)
            for each in self._store.all(KIND)
            if source in {None, each["EventSourceArn"]} and name in {"", each["FunctionName"]}
        ]
        page, following = numbered_page(
            fitting,
            parameters.get("Marker"),
            min(_PAGE, int(parameters.get("MaxItems") or _PAGE)),
            lambda text: invalid(f"Invalid marker: {text}"),
        )
        return {"EventSourceMappings": page} | ({"NextMarker": following} if following else {})

    async def _delete(self, parameters: Json) -> Json:
        mapping = self._named(parameters)
        self._store.delete(KIND, mapping["UUID"])
        return {**_described(mapping), "State": "Deleting"}

    def _named(self, parameters: Json) -> Json:
        mapping = self._store.get(KIND, parameters["UUID"])
        if mapping is None:
            raise not_found()
        return mapping


def queue_url(arn: str) -> str:
    """Return the URL of the queue of an ARN."""
    _, _, _, region, account, name = arn.split(":")
    return f"https://sqs.{region}.amazonaws.com/{account}/{name}"


def _described(mapping: Json) -> Json:
    settings = {key: mapping[key] for key in _KEPT if key in mapping and key != "Enabled"}
    uuid_ = mapping["UUID"]
    return {
        "UUID": uuid_,
        "EventSourceMappingArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:{uuid_}",
        "EventSourceArn": mapping["EventSourceArn"],
        "FunctionArn": arn_of(mapping["FunctionName"]),
        "BatchSize": _BATCH,
        "MaximumBatchingWindowInSeconds": 0,
        "FunctionResponseTypes": [],
        **settings,
        "State": "Enabled" if mapping.get("Enabled", True) else "Disabled",
        "StateTransitionReason": "USER_INITIATED",
        "LastModified": datetime.fromtimestamp(mapping["modified"], UTC),
    }
