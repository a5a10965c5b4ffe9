"""EventBridge: match the events of the offline cloud against the template's rules.

moto keeps the rules and compares events with their patterns, but sends nothing to functions and
publishes no event when an execution's status changes. Executions are polled while any runs. The
published statuses are stored, so that a change which a restart interrupted is published after it.
"""

import asyncio
import json
import uuid
from collections.abc import Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from moto.events.models import EventPattern

from kennel.cloud.cloudformation.deployed import DeployedResources
from kennel.cloud.cloudformation.names import ACCOUNT, REGION
from kennel.cloud.cloudformation.template import Resource
from kennel.cloud.cloudwatch.metrics import Metrics
from kennel.cloud.eventbridge.targets import EventTargets, Json, input_of, service_of
from kennel.cloud.runtime.clients import Clients
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.store import Store
from kennel.cloud.state import INTERRUPTED
from kennel.errors import CannotStart

_OPERATORS = {
    *("prefix", "suffix", "equals-ignore-case", "anything-but", "numeric", "exists", "wildcard"),
    "cidr",
}
_POLL_SECONDS = 0.25
_STATUS = "execution-status"  # kind in the store


class Events:
    """The default event bus.

    Parameters
    ----------
    deployed
        Has the rules to match and the state machines to watch.
    targets
        Sends events to a rule's targets.
    client
        A boto3 client of moto by service, for executions and for the state of rules.
    metrics
        Counts executions.
    store
        Keeps each execution's status as it was last published.
    """

    def __init__(
        self,
        deployed: DeployedResources,
        targets: EventTargets,
        client: Clients,
        clock: Clock,
        metrics: Metrics | None = None,
        *,
        store: Store | None = None,
    ) -> None:
        self._metrics = metrics
        self._store = store or Store(None)
        self._deployed = deployed
        self._targets = targets
        self._client = client
        self._clock = clock
        #: As last published, by the execution's ARN.
        self._statuses = {each["arn"]: each["status"] for each in self._store.all(_STATUS)}
        self._started = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def _rules(self) -> list[Resource]:
        return self._deployed.of_type("AWS::Events::Rule")

    def publish(
        self,
        detail_type: str,
        source: str,
        detail: Mapping[str, Any],
        resources: Sequence[str] = (),
    ) -> None:
        """Put one event of an AWS service on the bus; its targets are called in the background."""
        self.put(detail_type, source, detail, resources)

    def put(
        self, detail_type: str, source: str, detail: Mapping[str, Any], resources: Sequence[str]
    ) -> str:
        """Put one event of any source on the bus; return its id."""
        event = self._event(detail_type, source, detail, resources)
        self._run(self._match(event))
        return str(event["id"])

    def _event(
        self, detail_type: str, source: str, detail: Mapping[str, Any], resources: Sequence[str]
    ) -> Json:
        now = datetime.fromtimestamp(self._clock.now(), UTC)
        return {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": detail_type,
            "source": source,
            "account": ACCOUNT,
            "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": REGION,
            "resources": list(resources),
            "detail": dict(detail),
        }

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _match(self, event: Json) -> None:
        matching = []
        for rule in self._rules:
            pattern = rule.properties.get("EventPattern")
            if not pattern or not EventPattern(None, pattern).matches_event(event):  # type: ignore[arg-type]
                continue
            if await asyncio.to_thread(self.enabled, rule):
                matching.append(rule)
        await asyncio.gather(*(self.fire(rule, event) for rule in matching))

    async def fire(self, rule: Resource, event: Json) -> None:
        """Send an event to each of a rule's targets."""
        targets = rule.properties.get("Targets", [])
        await asyncio.gather(*(self._send(each, input_of(each, event), event) for each in targets))

    async def _send(self, target: Mapping[str, Any], document: Any, event: Any) -> None:
        done = await self._targets.send(target["Arn"], document, target.get("RoleArn", ""))
        if not done and (queue := target.get("DeadLetterConfig", {}).get("Arn")):
            await self._targets.send(queue, event)

    def enabled(self, rule: Resource) -> bool:
        """Return whether a rule is enabled; DisableRule and EnableRule change it in moto."""
        described = self._client("events").describe_rule(Name=rule.name)
        return bool(described["State"] == "ENABLED")

    def execution_started(self) -> None:
        """Begin to poll executions, since one was started."""
        self._started.set()

    async def stop(self) -> None:
        """Cancel the events that are being sent."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def watch(self) -> None:
        """Publish each change of an execution's status, until cancelled."""
        while True:
            self._started.clear()
            while await self._publish_changes():
                await asyncio.sleep(_POLL_SECONDS)
            await self._started.wait()

    async def _publish_changes(self) -> bool:
        """Publish changes since the last call; return whether any execution runs."""
        for execution in await asyncio.to_thread(self._changed):
            self._count(execution)
            self._statuses[execution["executionArn"]] = execution["status"]
            self._run(self._tell(execution))
        return "RUNNING" in self._statuses.values()

    async def _tell(self, execution: Json) -> None:
        """Publish an execution's status, and store it as published once the targets have it."""
        arn, status = execution["executionArn"], execution["status"]
        kind = "Step Functions Execution Status Change"
        await self._match(self._event(kind, "aws.states", execution, [arn]))
        if status == "ABORTED" and execution["error"] == INTERRUPTED:
            await self._start_again(execution)
        self._store.put(_STATUS, arn, {"arn": arn, "status": status})

    async def _start_again(self, execution: Json) -> None:
        """Start an interrupted execution again if a rule had started it: no caller would."""
        targets = (each for rule in self._rules for each in rule.properties.get("Targets", []))
        for target in targets:
            if target["Arn"] == execution["stateMachineArn"]:
                detail = json.loads(execution["input"])
                await self._send(target, detail, detail)
                self._started.set()
                return

    def _count(self, execution: Json) -> None:
        """Count a change of an execution's status.

        https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
        """
        names = {
            "RUNNING": "ExecutionsStarted",
            "SUCCEEDED": "ExecutionsSucceeded",
            "FAILED": "ExecutionsFailed",
            "TIMED_OUT": "ExecutionsTimedOut",
            "ABORTED": "ExecutionsAborted",
        }
        if self._metrics and (name := names.get(execution["status"])):
            dimensions = {"StateMachineArn": execution["stateMachineArn"]}
            self._metrics.count("AWS/States", name, dimensions)

    def _changed(self) -> list[Json]:
        states = self._client("stepfunctions")
        statuses: dict[str, str] = {}
        changed = []
        for machine in self._deployed.of_type("AWS::StepFunctions::StateMachine"):
            pages = states.get_paginator("list_executions").paginate(stateMachineArn=machine.arn)
            for page in pages:
                statuses |= {each["executionArn"]: each["status"] for each in page["executions"]}
        for arn in self._statuses.keys() - statuses.keys():  # deleted with its state machine
            del self._statuses[arn]
            self._store.delete(_STATUS, arn)
        for arn, status in statuses.items():
            if self._statuses.get(arn) != status:
                changed.append(_detail(states.describe_execution(executionArn=arn)))
        return changed


def _detail(execution: Mapping[str, Any]) -> Json:
    """Return the detail of the event for an execution's status.

    https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    """

    def moment(key: str) -> int | None:
        return int(execution[key].timestamp() * 1000) if execution.get(key) else None

    return {
        **{key: execution.get(key) for key in ("executionArn", "stateMachineArn", "name")},
        **{key: execution.get(key) for key in ("status", "input", "output", "error", "cause")},
        "startDate": moment("startDate"),
        "stopDate": moment("stopDate"),
        "inputDetails": {"included": True},
        "outputDetails": {"included": True} if execution.get("output") else None,
        "redriveCount": 0,
        "redriveDate": None,
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": "the offline cloud does not emulate states:RedriveExecution",
    }


def check_rule(rule: Resource) -> None:
    """Check that a rule can be matched, and its targets be served.

    Raises
    ------
    CannotStart
        For a pattern or a target that is not emulated.
    """
    for target in rule.properties.get("Targets", []):
        service_of(target["Arn"])
    _check_pattern(rule.logical_id, rule.properties.get("EventPattern") or {})


def _check_pattern(rule: str, pattern: Mapping[str, Any]) -> None:
    for key, wanted in pattern.items():
        if isinstance(wanted, dict):
            _check_pattern(rule, wanted)
            continue
        for matcher in wanted if key != "$or" else ():
            if isinstance(matcher, dict) and (unknown := set(matcher) - _OPERATORS):
                raise CannotStart(
                    f"rule {rule} matches {key} by {', '.join(unknown)}, which is not emulated: "
                    f"expected {', '.join(sorted(_OPERATORS))} in {json.dumps(pattern)}"
                )
