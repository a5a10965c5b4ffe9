"""PutEvents: a client's own events, matched with the rules as those of AWS's services are.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
"""

import json
from collections.abc import Mapping
from typing import Any

from kennel.cloud.eventbridge.events import Events
from kennel.cloud.iam.requests import ApiCall
from kennel.cloud.runtime.errors import not_implemented

_NEEDED = ("Source", "DetailType", "Detail")


class PutEvents:
    """Answers PutEvents."""

    def __init__(self, events: Events) -> None:
        self._events = events

    def __call__(self, call: ApiCall) -> dict[str, Any]:
        """Put the entries on the default bus; an entry that AWS does not take has an error code."""
        entries = call.parameters["Entries"]
        for entry in entries:
            bus = entry.get("EventBusName", "default").rpartition("/")[2]
            if bus != "default":
                raise not_implemented(f"event bus {bus}: only the default one exists offline")
        results = [self._put(each) for each in entries]
        failed = sum("ErrorCode" in each for each in results)
        return {"FailedEntryCount": failed, "Entries": results}

    def _put(self, entry: Mapping[str, Any]) -> dict[str, str]:
        for name in _NEEDED:
            if not entry.get(name):
                return _error(
                    "InvalidArgument",
                    f"Parameter {name} is not valid. Reason: {name} is a required argument.",
                )
        if entry["Source"].startswith("aws."):
            message = f"Not authorized for the source {entry['Source']}"
            return _error("NotAuthorizedForSourceException", message)
        try:
            detail = json.loads(entry["Detail"])
        except ValueError:
            detail = None
        if not isinstance(detail, dict):
            return _error("MalformedDetail", "Detail is malformed.")
        kind, source = entry["DetailType"], entry["Source"]
        return {"EventId": self._events.put(kind, source, detail, entry.get("Resources", ()))}


def _error(code: str, message: str) -> dict[str, str]:
    return {"ErrorCode": code, "ErrorMessage": message}
