"""A status as a table for people, and as JSON for programs."""

import json
from dataclasses import asdict
from datetime import datetime

from rich.table import Table
from rich.text import Text

from kennel.status.endpoint import Endpoint
from kennel.status.read import Execution, Status
from kennel.status.traffic import Traffic

_STYLES = {"InService": "green", "SUCCEEDED": "green", "RUNNING": "yellow", "missing": "yellow"}


def as_json(status: Status) -> str:
    """Return all of it as one line; times in ISO 8601."""
    return json.dumps(asdict(status), default=datetime.isoformat)


def as_table(status: Status, *, offline: bool) -> Table:
    """Return a table with a row for each subject; times are local."""
    table = Table(show_header=False, title_justify="left")
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    where = "in the running `kennel up`" if offline else "on AWS"
    table.add_row("stack", Text(f"{status.stack} {where}, {status.stack_status}"))
    table.add_row("endpoint", _endpoint(status.endpoint))
    table.add_row("model", Text(_model(status)))
    table.add_row("last execution", _execution(status.execution))
    for name, text in _traffic(status.traffic):
        table.add_row(name, text)
    alarms = [f"{each.alarm} since {_time(each.since)}: {each.reason}" for each in status.alarms]
    more = "\ndocs/runbook.md says what each means and what to do" if alarms else ""
    table.add_row(
        "alarms", Text("\n".join(alarms), "red").append(more, "default") if alarms else "none"
    )
    table.add_row("cost", Text(_cost(status, offline=offline)))
    return table


def _endpoint(endpoint: Endpoint) -> Text:
    text = Text(f"{endpoint.name}: ").append(endpoint.status, _STYLES.get(endpoint.status, "red"))
    if endpoint.since is None:
        return text.append(", until a model is released")
    if not endpoint.instance_type:
        return text.append(", serverless")
    text.append(f", {endpoint.instances} x {endpoint.instance_type}")
    if endpoint.minimum is None:
        return text.append(", no autoscaling")
    return text.append(f" (autoscaling from {endpoint.minimum} to {endpoint.maximum})")


def _model(status: Status) -> str:
    if status.model is None:
        return "none"
    number = status.model.version.rpartition("/")[2]
    return (status.model.label or status.model.package) + (f", version {number}" if number else "")


def _execution(execution: Execution | None) -> Text:
    if execution is None:
        return Text("none")
    text = Text().append(execution.status, _STYLES.get(execution.status, "red"))
    text.append(f", started {_time(execution.started)}")
    if execution.ended:
        text.append(f", took {(execution.ended - execution.started).total_seconds():,.0f} s")
    return text.append(f": {execution.cause}" if execution.cause else "")


def _traffic(traffic: Traffic) -> list[tuple[str, str]]:
    requests = (
        f"{traffic.requests:,} requests since {_time(traffic.since)}, of which "
        f"{traffic.client_errors:,} were refused (4xx), {traffic.server_errors:,} failed (5xx); "
        f"{traffic.throttles:,} throttled by Lambda"
    )
    if traffic.concurrency is not None:
        requests += f", at most {traffic.concurrency} at once"
    rows = [("last hour", requests)]
    if traffic.p50_ms is not None and traffic.p90_ms is not None:
        rows.append(("latency", f"p50 {traffic.p50_ms:,.0f} ms, p90 {traffic.p90_ms:,.0f} ms"))
    if traffic.no_dog is not None:
        answers = f"{traffic.no_dog:.1%} no dog"
        if traffic.confidence is not None:
            answers += f", mean confidence of the others {traffic.confidence:.2f}"
        rows.append(("answers", answers))
    return rows


def _cost(status: Status, *, offline: bool) -> str:
    cost = status.cost
    if cost.usd is None:
        return f"no estimate: {cost.basis}"
    if cost.since is None:
        return f"nothing: {cost.basis}"
    where = "on AWS it would be about" if offline else "about"
    return f"estimate: {where} {cost.usd:,.2f} USD since {_time(cost.since)}: {cost.basis}"


def _time(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"
