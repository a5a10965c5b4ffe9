"""The offline cloud's parts, put together: who is made of what, and in which order they begin.

Between a template and a gateway; `cloud.py` starts and ends it all.
"""

import asyncio
import contextlib
import functools
import json
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from kennel.cloud.apigateway.rest_api import RestApi
from kennel.cloud.autoscaling.api import ScalingService
from kennel.cloud.autoscaling.targets import ScalableTargets
from kennel.cloud.awslambda.async_invoke import AsynchronousInvocations, read_configs
from kennel.cloud.awslambda.function_config import read_functions
from kennel.cloud.awslambda.functions import LambdaService
from kennel.cloud.awslambda.logs import FunctionLogs
from kennel.cloud.cloudformation.custom_resources import CustomResources
from kennel.cloud.cloudformation.stack import DeployedStack, client
from kennel.cloud.cloudformation.template import Stack
from kennel.cloud.cloudwatch.alarms import Alarms
from kennel.cloud.cloudwatch.metrics import Metrics
from kennel.cloud.codebuild.builds import ImageBuilds
from kennel.cloud.control import Control
from kennel.cloud.eventbridge.events import Events
from kennel.cloud.eventbridge.schedules import Schedules
from kennel.cloud.eventbridge.targets import EventTargets
from kennel.cloud.gateway import Gateway
from kennel.cloud.iam.identity import Access
from kennel.cloud.iam.policy import read_role
from kennel.cloud.moto_backend.persistence import Kept
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.faults import Faults
from kennel.cloud.runtime.store import Store
from kennel.cloud.sagemaker.account import Account, may_be_assumed
from kennel.cloud.sagemaker.endpoints.api import Endpoints
from kennel.cloud.sagemaker.endpoints.images import EcrImages
from kennel.cloud.sagemaker.jobs.training.run import Place
from kennel.cloud.sagemaker.parts import job_parts
from kennel.cloud.sagemaker.protocol import SageMaker
from kennel.cloud.servicequotas.quotas import Quotas

#: How long a custom resource may take to answer; CloudFormation's own hour is too long here.
CUSTOM_RESOURCE_SECONDS = 300.0


@dataclass(frozen=True)
class Setting:
    """What the parts are made from.

    Attributes
    ----------
    built
        Folder of each function's build.
    url, moto_url
        The gateway's address, and moto's behind it.
    folder
        For files that the end removes.
    state
        For what survives a restart; None for nothing.
    """

    stack: Stack
    built: dict[str, Path]
    url: str
    moto_url: str
    logs: Path
    folder: Path
    state: Path | None
    clock: Clock
    faults: Faults
    report: Callable[[str], None]


class Parts:
    """Everything behind the gateway.

    Parameters
    ----------
    later
        What each part's end is given to.
    """

    def __init__(self, setting: Setting, later: contextlib.AsyncExitStack) -> None:
        stack, clock, faults = setting.stack, setting.clock, setting.faults
        self._later = later
        aws = functools.cache(lambda service: client(service, setting.moto_url))
        store = later.enter_context(
            contextlib.closing(Store(setting.state and setting.state / "sagemaker.sqlite"))
        )
        self._kept = Kept(setting.state, stack, aws) if setting.state else None

        self._metrics = Metrics(clock, aws("cloudwatch"))
        self._alarms = Alarms(aws("cloudwatch"), aws("sns"), self._metrics, clock, setting.report)
        access = access_of(stack)
        declared = read_functions(stack, setting.built)
        functions = LambdaService(declared, setting.url, setting.logs, self._metrics)
        self._logs = FunctionLogs(declared, setting.logs, aws("logs"), access, self._metrics)
        queue = AsynchronousInvocations(functions, read_configs(stack), clock)
        targets = EventTargets(queue.send, aws)
        queue.deliver = targets.send
        self._events = Events(stack, targets, aws, clock, self._metrics)
        self._schedules = Schedules(stack, self._events, targets, aws, clock)
        custom = CustomResources(stack.name, setting.url, _teller(queue), CUSTOM_RESOURCE_SECONDS)
        self.deployment = DeployedStack(stack, setting.url, custom, store)

        as_role = functools.cache(lambda service, role: client(service, setting.url, role))
        builds = ImageBuilds(stack, as_role, aws("logs"), faults)
        images = EcrImages(aws("ecr"))

        self._scalable = ScalableTargets(aws, store)
        self._endpoints = Endpoints(
            store,
            _fetcher(aws("s3"), setting.folder),
            setting.logs,
            clock=clock,
            faults=faults,
            images=images,
            metrics=self._metrics,
            tripped=self._alarms.tripped,
            scaling=self._scalable,
            notice=lambda kind, detail: self._events.publish(kind, "aws.sagemaker", detail),
        )
        place = Place(_account(stack, setting.url), clock, setting.logs)
        jobs = job_parts(store, place, faults, self._events.publish, images)
        sagemaker = SageMaker(jobs, self._endpoints, access, store, faults)
        scaling = ScalingService(self._scalable, self._endpoints, self._alarms, clock)

        for stop in (functions.stop, queue.stop, builds.stop, self._events.stop, sagemaker.stop):
            later.push_async_callback(stop)
        self.api_key = _key(store)
        self.api = RestApi(stack, functions, self.api_key, self._metrics)
        self.gateway = Gateway(
            api=self.api,
            functions=functions,
            queue=queue,
            sagemaker=sagemaker,
            scaling=scaling,
            quotas=Quotas(),
            builds=builds,
            access=access,
            moto=httpx.AsyncClient(base_url=setting.moto_url, timeout=120, trust_env=False),
            events=self._events,
            control=Control(queue, custom, clock, faults, self.deployment.delete),
            written=self._kept.touch if self._kept else lambda: None,
            config_of=lambda name: (store.get("endpoint", name) or {}).get(
                "EndpointConfigName", name
            ),
        )
        later.push_async_callback(self.api.stop)
        later.push_async_callback(self.gateway.stop)
        self._begun = False
        later.push_async_callback(self._save)

    async def begin(self) -> None:
        """Make the stack's resources, bring back what was kept, and let time pass."""
        await asyncio.to_thread(self.deployment.create)
        if self._kept:
            await asyncio.to_thread(self._kept.restore)
        await self._scalable.restore()
        await self._endpoints.start()
        works = [
            self._events.watch(),
            self._schedules.run(),
            self._metrics.run(),
            self._logs.run(),
            self._alarms.run(),
        ]
        if self._kept:
            works.append(self._kept.run())
        self._begun = True
        for work in works:
            self._run_until_the_end(work)

    async def _save(self) -> None:
        if self._kept and self._begun:
            await asyncio.to_thread(self._kept.save)

    def _run_until_the_end(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        task.add_done_callback(_tell_if_broken)

        async def end() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self._later.push_async_callback(end)


def _tell_if_broken(task: "asyncio.Task[None]") -> None:
    """Say at once that a part of the cloud has ended: nothing else would until the cloud ends."""
    if not task.cancelled() and (error := task.exception()):
        message = f"a part of the offline cloud has ended: {error!r}"
        task.get_loop().call_exception_handler({"message": message, "exception": error})


def access_of(stack: Stack) -> Access:
    """Return who may do what, by the stack's roles."""
    declared = stack.of_type("AWS::IAM::Role")
    by_arn = {role.arn: role.logical_id for role in declared}
    roles = {role.logical_id: read_role(role.name, role.properties) for role in declared}
    machines = stack.of_type("AWS::StepFunctions::StateMachine")
    sessions = {
        by_arn[each.properties["Role"]]: each.name
        for each in stack.of_type("AWS::Lambda::Function")
    }
    return Access(roles, tuple(by_arn[each.properties["RoleArn"]] for each in machines), sessions)


def _account(stack: Stack, url: str) -> Account:
    """Return the account as SageMaker's jobs see it: only roles that trust the service."""
    roles = [each for each in stack.of_type("AWS::IAM::Role") if may_be_assumed(each.properties)]
    return Account(url, {role.arn: role.logical_id for role in roles})


def _teller(queue: AsynchronousInvocations) -> Callable[[str, dict[str, Any]], None]:
    """Return what invokes a function asynchronously, from any thread."""
    loop = asyncio.get_running_loop()

    async def send(arn: str, event: dict[str, Any]) -> None:
        queue.send(arn, json.dumps(event).encode())

    def tell(arn: str, event: dict[str, Any]) -> None:
        asyncio.run_coroutine_threadsafe(send(arn, event), loop).result()

    return tell


def _key(store: Store) -> str:
    """Return the value of the API key: the same one as long as the state is kept."""
    kept = store.get("api-key", "value") or {"value": secrets.token_urlsafe(24)}
    store.put("api-key", "value", kept)
    return str(kept["value"])


def _fetcher(s3: Any, folder: Path):  # type: ignore[no-untyped-def]
    async def fetch(uri: str) -> Path:
        parts = urlsplit(uri)
        file = folder / secrets.token_hex(8)
        await asyncio.to_thread(s3.download_file, parts.netloc, parts.path.lstrip("/"), str(file))
        return file

    return fetch
