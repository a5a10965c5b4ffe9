"""CloudFormation's calls: change sets, stacks, events, resources, templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Operations.html
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kennel.cloud.cloudformation.change_set_calls import ChangeSetCalls
from kennel.cloud.cloudformation.change_sets import ChangeSets
from kennel.cloud.cloudformation.operation import Interrupted
from kennel.cloud.cloudformation.recorder import OperationFailed
from kennel.cloud.cloudformation.stack_calls import StackCalls
from kennel.cloud.cloudformation.stack_reads import StackReads, invalid
from kennel.cloud.cloudformation.stacks import Stacks
from kennel.cloud.cloudformation.template_calls import TemplateCalls
from kennel.cloud.iam.requests import ApiCall
from kennel.cloud.runtime.answers import written
from kennel.cloud.runtime.errors import not_implemented
from kennel.errors import KennelError

Json = dict[str, Any]

_log = logging.getLogger(__name__)


class CloudFormation:
    """Answers CloudFormation's calls; operations on stacks go on in threads."""

    def __init__(self, stacks: Stacks) -> None:
        self._stacks = stacks
        self._tasks: set[asyncio.Task[None]] = set()
        sets = ChangeSets(stacks)
        change_sets = ChangeSetCalls(stacks, sets)
        self._calls: Mapping[str, Callable[[Json], Json]] = {
            **change_sets.calls,
            **StackCalls(stacks, sets).calls,
            **TemplateCalls(stacks, change_sets).calls,
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
