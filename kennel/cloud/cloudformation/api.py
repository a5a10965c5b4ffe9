"""CloudFormation's calls: change sets, stacks, events, resources, templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Operations.html
"""

import asyncio
import functools
import json
import logging
import re
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kennel.cloud.cloudformation import descriptions
from kennel.cloud.cloudformation.change_sets import ChangeSet, ChangeSets
from kennel.cloud.cloudformation.operation import Interrupted
from kennel.cloud.cloudformation.recorder import OperationFailed
from kennel.cloud.cloudformation.stack_reads import StackReads, invalid
from kennel.cloud.cloudformation.stack_state import StackState
from kennel.cloud.cloudformation.stacks import (
    StackRefused,
    StackRequest,
    Stacks,
    capabilities_needed,
)
from kennel.cloud.cloudformation.template import Template
from kennel.cloud.iam.requests import ApiCall
from kennel.cloud.runtime.answers import written
from kennel.cloud.runtime.errors import ServiceError, not_implemented
from kennel.errors import KennelError

Json = dict[str, Any]
_CAN_UPDATE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_FAILED"}
_NO_UPDATES = "No updates are to be performed."
_TRANSFORM = "CAPABILITY_AUTO_EXPAND"

_log = logging.getLogger(__name__)


class CloudFormation:
    """Answers CloudFormation's calls; operations on stacks go on in threads."""

    def __init__(self, stacks: Stacks) -> None:
        self._stacks = stacks
        self._sets = ChangeSets(stacks)
        self._tasks: set[asyncio.Task[None]] = set()
        self._calls: Mapping[str, Callable[[Json], Json]] = {
            "CreateChangeSet": self._create_change_set,
            "DescribeChangeSet": self._describe_change_set,
            "ListChangeSets": self._list_change_sets,
            "ExecuteChangeSet": self._execute_change_set,
            "DeleteChangeSet": self._delete_change_set,
            "CreateStack": self._create_stack,
            "UpdateStack": self._update_stack,
            "DeleteStack": self._delete_stack,
            "GetTemplate": self._get_template,
            "GetTemplateSummary": self._summarise,
            "ValidateTemplate": self._validate,
            "UpdateTerminationProtection": self._protect,
            "GetStackPolicy": lambda p: {},
            **StackReads(stacks).calls,
        }

    async def __call__(self, request: Request, call: ApiCall) -> Response:
        """Answer a call; raises ServiceError with CloudFormation's codes."""
        if call.operation not in self._calls:
            raise not_implemented(
                f"the offline cloud does not emulate cloudformation:{call.operation}; it answers "
                f"{', '.join(self._calls)}"
            )
        try:
            result = await asyncio.to_thread(self._calls[call.operation], call.parameters)
        except KennelError as error:
            raise invalid(str(error)) from error
        for work in result.pop("_work", []):
            self._begin(work)
        return written("cloudformation", call.operation, result)

    async def stop(self) -> None:
        """Let the operations under way stop at their next resource, and wait for that."""
        self._stacks.resources.ending.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, work: Callable[[], object]) -> None:
        async def run() -> None:
            try:
                await asyncio.to_thread(work)
            except (OperationFailed, Interrupted) as error:
                _log.info("a stack's operation failed: %s", error)  # its events say so
            except Exception:
                _log.exception("a stack's operation broke off")

        task = asyncio.ensure_future(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Change sets

    def _create_change_set(self, p: Json) -> Json:
        kind = p.get("ChangeSetType", "UPDATE")
        if kind == "IMPORT":
            raise not_implemented("the offline cloud imports no resources into stacks")
        stack = self._stacks.find(p["StackName"])
        request = self._request(p, stack)
        made = self._sets.create(p["ChangeSetName"], kind, request)
        made.description = p.get("Description", "")
        made.on_failure = p.get("OnStackFailure", "")
        if made.template:
            try:
                _check_capabilities(request.capabilities, made.template, expand=False)
            except ServiceError:
                self._sets.delete(made)
                raise
        return {"Id": made.id, "StackId": made.stack.id}

    def _change_set(self, p: Json) -> ChangeSet:
        name = p["ChangeSetName"]
        stack = self._stacks.find(p["StackName"]) if p.get("StackName") else None
        made = self._sets.find(name, stack)
        if made is None:
            raise ServiceError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", 404)
        return made

    def _describe_change_set(self, p: Json) -> Json:
        return descriptions.change_set(self._change_set(p))

    def _list_change_sets(self, p: Json) -> Json:
        stack = self._stacks.get(p["StackName"])
        members = (
            *("ChangeSetName", "ChangeSetId", "StackId", "StackName", "ExecutionStatus"),
            *("Status", "StatusReason", "CreationTime", "Description"),
        )
        described = [descriptions.change_set(each) for each in self._sets.of_stack(stack)]
        return {
            "Summaries": [
                {name: each[name] for name in members if name in each} for each in described
            ]
        }

    def _execute_change_set(self, p: Json) -> Json:
        made = self._change_set(p)
        if made.execution != "AVAILABLE" or made.template is None:
            raise ServiceError(
                "InvalidChangeSetStatus",
                f"ChangeSet [{made.id}] cannot be executed in its current status of "
                f"[{made.status}]",
            )
        stack, template = made.stack, made.template
        _refuse_if_busy(stack)
        self._sets.executed(made)
        stack.change_set = made.id
        self._describe_by(stack, made.request, template)
        if stack.status == "REVIEW_IN_PROGRESS":
            nothing = p.get("DisableRollback") or made.on_failure == "DO_NOTHING"
            on_failure = "DO_NOTHING" if nothing else made.on_failure or "ROLLBACK"
            return {"_work": [self._creation(stack, template, on_failure)]}
        return {"_work": [self._update(stack, template)]}

    def _delete_change_set(self, p: Json) -> Json:
        made = self._sets.find(p["ChangeSetName"], self._stacks.find(p.get("StackName", "")))
        if made:
            self._sets.delete(made)
        return {}

    # Stacks

    def _create_stack(self, p: Json) -> Json:
        name = p["StackName"]
        stack = self._stacks.find(name)
        if stack:
            raise ServiceError("AlreadyExistsException", f"Stack [{name}] already exists")
        request = self._request(p, None)
        stack = StackState.new(name)
        template = self._stacks.prepare(stack, request)
        _check_capabilities(request.capabilities, template, expand=True)
        self._stacks.add(stack)  # nobody sees it before: the request may be refused
        stack.is_protected = bool(p.get("EnableTerminationProtection"))
        stack.disable_rollback = bool(p.get("DisableRollback"))
        self._describe_by(stack, request, template)
        nothing = "DO_NOTHING" if stack.disable_rollback else "ROLLBACK"
        work = self._creation(stack, template, p.get("OnFailure", nothing))
        return {"StackId": stack.id, "_work": [work]}

    def _update_stack(self, p: Json) -> Json:
        stack = self._stacks.get(p["StackName"])
        _refuse_if_busy(stack)
        if stack.status not in _CAN_UPDATE:
            raise invalid(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
        request = self._request(p, stack)
        template = self._stacks.prepare(stack, request)
        _check_capabilities(request.capabilities, template, expand=True)
        if (
            request.template == stack.template
            and template.parameters == stack.parameters
            and list(request.tags or stack.tags) == stack.tags
        ):
            raise invalid(_NO_UPDATES)
        self._describe_by(stack, request, template)
        return {"StackId": stack.id, "_work": [self._update(stack, template)]}

    def _delete_stack(self, p: Json) -> Json:
        stack = self._stacks.find(p["StackName"])
        if stack is None or stack.status == "DELETE_COMPLETE":
            return {}
        if stack.is_protected:
            raise invalid(
                f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
            )
        _refuse_if_busy(stack)
        retain = tuple(p.get("RetainResources", []))
        if retain and stack.status != "DELETE_FAILED":
            raise invalid("RetainResources can only be specified for stacks in DELETE_FAILED")
        for made in self._sets.of_stack(stack):
            self._sets.delete(made)
        stack.status = "DELETE_IN_PROGRESS"
        return {"_work": [functools.partial(self._stacks.delete, stack, retain)]}

    def _creation(
        self, stack: StackState, template: Template, on_failure: str
    ) -> Callable[[], object]:
        stack.status = "CREATE_IN_PROGRESS"
        return functools.partial(self._stacks.create, stack, template, on_failure, adopt=False)

    def _update(self, stack: StackState, template: Template) -> Callable[[], object]:
        stack.status = "UPDATE_IN_PROGRESS"
        return functools.partial(self._stacks.update, stack, template)

    def _describe_by(self, stack: StackState, request: StackRequest, template: Template) -> None:
        """Take over what a request says about the stack as a whole."""
        stack.capabilities = list(request.capabilities)
        stack.description = str(template.source.get("Description", ""))
        if request.tags:
            stack.tags = [dict(each) for each in request.tags]

    def _protect(self, p: Json) -> Json:
        stack = self._stacks.get(p["StackName"])
        stack.is_protected = bool(p["EnableTerminationProtection"])
        self._stacks.store.save(stack)
        return {"StackId": stack.id}

    # Templates

    def _get_template(self, p: Json) -> Json:
        stages = ["Original", "Processed"]
        if name := p.get("ChangeSetName"):
            template = self._change_set({**p, "ChangeSetName": name}).template
            text = template.text if template else ""
        else:
            stack = self._stacks.get(p["StackName"])
            text = stack.template
        if p.get("TemplateStage") == "Processed" and not p.get("ChangeSetName"):
            given = dict(stack.parameters)
            template = self._stacks.prepare(stack, StackRequest(stack.name, text, given))
            text = json.dumps(template.transformed, default=str)
        return {"TemplateBody": text, "StagesAvailable": stages}

    def _summarise(self, p: Json) -> Json:
        if name := p.get("StackName"):
            stack = self._stacks.get(name)
            text = stack.template
        else:
            text = self._text(p, None)
        return descriptions.template_summary(text, self._defaults(text))

    def _validate(self, p: Json) -> Json:
        text = self._text(p, None)
        summary = descriptions.template_summary(text, self._defaults(text))
        members = ("ParameterKey", "DefaultValue", "NoEcho", "Description")
        summary["Parameters"] = [
            {name: each[name] for name in members if name in each} for each in summary["Parameters"]
        ]
        known = (
            *("Parameters", "Description", "Capabilities", "CapabilitiesReason"),
            "DeclaredTransforms",
        )
        return {name: summary[name] for name in known if name in summary}

    def _defaults(self, text: str) -> Template | None:
        """Return the template with its defaults; None where a parameter has none."""
        try:
            return self._stacks.prepare(StackState("summary", ""), StackRequest("summary", text))
        except StackRefused:
            return None

    # Requests

    def _request(self, p: Json, stack: StackState | None) -> StackRequest:
        parameters = p.get("Parameters", [])
        return StackRequest(
            p["StackName"].rsplit("/", 2)[-2]
            if p["StackName"].startswith("arn:")
            else p["StackName"],
            self._text(p, stack),
            {
                each["ParameterKey"]: each.get("ParameterValue", "")
                for each in parameters
                if not each.get("UsePreviousValue")
            },
            tuple(each["ParameterKey"] for each in parameters if each.get("UsePreviousValue")),
            tuple(p.get("Capabilities", [])),
            tuple(p.get("Tags", [])),
        )

    def _text(self, p: Json, stack: StackState | None) -> str:
        """Return the text of a request's template."""
        if "TemplateBody" in p:
            return str(p["TemplateBody"])
        if p.get("UsePreviousTemplate") and stack:
            return stack.template
        url = p.get("TemplateURL", "")
        location = _S3_PATH.match(urllib.parse.urlsplit(url).path)
        host = urllib.parse.urlsplit(url).hostname or ""
        if not url or location is None:
            raise invalid("Either Template URL or Template Body must be specified.")
        bucket, key = location["bucket"], location["key"]
        if in_host := _BUCKET_HOST.match(host):
            bucket, key = in_host["bucket"], f"{bucket}/{key}" if key else bucket
        key = urllib.parse.unquote(key)
        s3 = self._stacks.resources.clients("s3")
        try:
            return s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        except s3.exceptions.ClientError as error:
            raise invalid(f"S3 error: {error} (TemplateURL {url})") from error


_S3_PATH = re.compile(r"/(?P<bucket>[^/]+)/?(?P<key>.*)")
_BUCKET_HOST = re.compile(r"(?P<bucket>.+)\.s3[.-]")


def _check_capabilities(given: Sequence[str], template: Template, *, expand: bool) -> None:
    needed = capabilities_needed(template)
    has_all = not needed or {"CAPABILITY_NAMED_IAM", *needed} & set(given)
    missing = [] if has_all else list(needed)
    if expand and template.source.get("Transform") and _TRANSFORM not in given:
        missing.append(_TRANSFORM)
    if missing:
        raise ServiceError(
            "InsufficientCapabilitiesException",
            f"Requires capabilities : [{', '.join(missing)}]",
        )


def _refuse_if_busy(stack: StackState) -> None:
    if stack.is_busy:
        raise invalid(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
