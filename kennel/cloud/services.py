"""The services behind the gateway: made, connected with each other, started and ended in order."""

import asyncio
import contextlib
import functools
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kennel.cloud.apigateway.access_log import AccessLogs
from kennel.cloud.apigateway.api import ApiGatewayReads
from kennel.cloud.apigateway.apis import Apis
from kennel.cloud.apigateway.usage import UsagePlans
from kennel.cloud.autoscaling.api import ScalingService
from kennel.cloud.autoscaling.targets import ScalableTargets
from kennel.cloud.awslambda.async_invoke import AsynchronousInvocations, invoke_from_threads
from kennel.cloud.awslambda.event_invoke import invoke_config
from kennel.cloud.awslambda.event_sources import EventSources
from kennel.cloud.awslambda.functions import LambdaService
from kennel.cloud.awslambda.logs import FunctionLogs
from kennel.cloud.awslambda.management import FunctionManagement
from kennel.cloud.awslambda.queue_poller import QueuePoller
from kennel.cloud.cloudformation.api import CloudFormation
from kennel.cloud.cloudformation.cloud_control import CloudControl
from kennel.cloud.cloudformation.custom_resources import CustomResources
from kennel.cloud.cloudformation.deployed import DeployedResources
from kennel.cloud.cloudformation.resources import Resources
from kennel.cloud.cloudformation.stacks import StackRequest, Stacks
from kennel.cloud.cloudformation.template import Stack
from kennel.cloud.cloudwatch.alarms import Alarms
from kennel.cloud.cloudwatch.log_events import LogEvents
from kennel.cloud.cloudwatch.metrics import Metrics
from kennel.cloud.cloudwatch.percentiles import Percentiles
from kennel.cloud.cloudwatch.queue_metrics import QueueMetrics
from kennel.cloud.codebuild.builds import ImageBuilds
from kennel.cloud.config import CloudConfig
from kennel.cloud.control import Control
from kennel.cloud.eventbridge.events import Events
from kennel.cloud.eventbridge.put_events import PutEvents
from kennel.cloud.eventbridge.schedules import Schedules
from kennel.cloud.eventbridge.targets import EventTargets
from kennel.cloud.gateway import Gateway
from kennel.cloud.handlers import make_handlers, unless_full
from kennel.cloud.iam.api import Iam, Sts
from kennel.cloud.iam.identity import Identities
from kennel.cloud.iam.interpreter import note_role, read_roles
from kennel.cloud.iam.permissions import Authorizer
from kennel.cloud.iam.policy import RequiredPermission
from kennel.cloud.iam.requests import ApiCall
from kennel.cloud.moto_backend import server as moto_server
from kennel.cloud.moto_backend.proxy import MotoProxy
from kennel.cloud.runtime.clients import client
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.health import Health, keep_running
from kennel.cloud.runtime.log_files import keep_cutting
from kennel.cloud.runtime.store import Store
from kennel.cloud.sagemaker.account import Account
from kennel.cloud.sagemaker.assembly import build_sagemaker
from kennel.cloud.sagemaker.endpoints.api import Endpoints
from kennel.cloud.sagemaker.endpoints.images import LocalImages
from kennel.cloud.sagemaker.image_pulls import pulls_checked_by
from kennel.cloud.sagemaker.jobs.context import JobContext
from kennel.cloud.sagemaker.packages import fetcher
from kennel.cloud.sagemaker.rollback_alarms import RollbackRoles
from kennel.cloud.servicequotas.quotas import Quotas
from kennel.cloud.template_checks import CHECKS, late_checks

#: Services whose state is in the store.
_KEPT_IN_STORE = ("sagemaker", "application-autoscaling", "lambda")
#: How long a custom resource may take to answer; CloudFormation's own hour is too long here.
CUSTOM_RESOURCE_SECONDS = 300.0


@dataclass(frozen=True)
class Site:
    """Where one cloud's services run: its addresses and its folders.

    Attributes
    ----------
    built
        Folder of the build of each function and layer of the template, by logical id.
    url, moto_url, moto_key
        The gateway's address, moto's behind it, and the access key that moto takes.
    scratch
        Folder for files that the end removes.
    restored
        Whether resources of an earlier cloud may be there.
    """

    built: dict[str, Path]
    url: str
    moto_url: str
    moto_key: str
    logs: Path
    scratch: Path
    clock: Clock
    restored: bool


@dataclass(frozen=True)
class Services:
    """The services of one cloud.

    Attributes
    ----------
    background
        What runs beside the requests, by name, each until it is cancelled.
    """

    gateway: Gateway
    api: Apis
    control_token: str
    stacks: Stacks
    cloudformation: CloudFormation
    endpoints: Endpoints
    scalable: ScalableTargets
    restore: Callable[[], Awaitable[None]]
    background: Mapping[str, Callable[[], Awaitable[None]]]
    health: Health

    async def start(self, request: StackRequest | None) -> Stack:
        """Bring back what survived a restart, and deploy a template if one is given."""
        await self.restore()
        await asyncio.to_thread(self.stacks.repair, request.name if request else "")
        stack = Stack("", {}, {})
        if request:
            state = await asyncio.to_thread(self.stacks.deploy, request)
            stack = self.stacks.described(state)
        await self.scalable.restore()
        await self.endpoints.start()
        return stack

    def delete_stack(self, name: str, keep: bool = True) -> list[str]:
        """Delete a stack as CloudFormation does; return the resources that are kept."""
        return self.stacks.delete(self.stacks.get(name), keep=keep)

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Run the background work while the block runs."""
        tasks = [
            asyncio.ensure_future(keep_running(name, work, self.health))
            for name, work in self.background.items()
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def open_services(config: CloudConfig, site: Site, store: Store) -> AsyncIterator[Services]:
    """Make the services of a cloud, and end what they run when the block ends."""
    async with contextlib.AsyncExitStack() as exits:
        yield _make_services(config, site, store, exits)


def _make_services(
    config: CloudConfig, site: Site, store: Store, exits: contextlib.AsyncExitStack
) -> Services:
    clock, faults = site.clock, config.faults
    deployed = DeployedResources()
    identities = Identities({}, deployed)
    aws = functools.cache(lambda service: client(service, site.moto_url, site.moto_key))

    metrics = Metrics(clock, aws("cloudwatch"))
    alarms = Alarms(aws("cloudwatch"), aws("sns"), metrics, clock, config.report)
    functions = LambdaService(site.url, site.logs, metrics, clock)

    def as_role(service: str, arn: str) -> Any:
        return client(service, site.url, identities.key_of(arn) or "no-such-role")

    make_targets = functools.partial(
        EventTargets, client=aws, as_role=as_role, assumable_by=identities.assumable_by
    )
    queue = AsynchronousInvocations(
        functions,
        functools.partial(invoke_config, store),
        clock,
        lambda send: make_targets(send).send,
    )
    targets = make_targets(queue.send)
    events = Events(deployed, targets, aws, clock, metrics, store=store)
    schedules = Schedules(deployed, events, targets, aws, clock, health=config.health)
    custom = CustomResources(site.url, invoke_from_threads(queue), CUSTOM_RESOURCE_SECONDS)
    control_token, sns_token = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    resources = Resources(
        *(site.url, custom, deployed),
        sns_url=f"{site.url}/kennel/sns/{sns_token}",
        before_create=late_checks(targets, aws("logs")),
    )
    stacks = Stacks(resources, store, CHECKS, adopt=site.restored)
    cloudformation = CloudFormation(stacks)
    quotas = Quotas(config.quotas)
    builds = ImageBuilds(deployed, as_role, aws("logs"), faults, quotas)
    images = LocalImages(aws("ecr"), config.images)

    async def dependent(call: ApiCall) -> list[RequiredPermission]:
        return await sagemaker.dependent_permissions(call.operation, call.parameters)

    def follow_states(call: ApiCall) -> None:
        note_role(identities, call)
        if call.operation == "StartExecution":
            events.execution_started()

    moto = MotoProxy(site.moto_url, {"stepfunctions": follow_states}, key=site.moto_key)

    iam = Iam(moto, aws("iam"), identities)
    authorizer = Authorizer(
        identities,
        config_of=functools.partial(_config_of, store),
        dependent={"sagemaker": dependent},
        on_authorised=config.on_authorised,
        refresh=iam.refresh,
    )
    trusted = functools.partial(identities.assumable_by, "sagemaker.amazonaws.com")
    account = Account(site.url, trusted)
    check_pull = pulls_checked_by(authorizer, account)
    scalable = ScalableTargets(aws, store)
    endpoints = Endpoints(
        store,
        fetcher(account, site.scratch),
        site.logs,
        images,
        clock=clock,
        faults=faults,
        health=config.health,
        metrics=metrics,
        tripped_alarms=alarms.tripped,
        scalable=scalable,
        publish=events.publish,
        check_pull=check_pull,
    )
    context = JobContext(account, clock, site.logs, check_pull)
    sagemaker = build_sagemaker(
        *(store, context, endpoints, faults, images, events.publish, images.manifest_type),
        RollbackRoles(store, account, authorizer),
    )
    scaling = ScalingService(scalable, endpoints, alarms, clock)

    logs = FunctionLogs(functions.configs, site.logs, aws("logs"), authorizer, metrics, clock=clock)

    management = FunctionManagement(
        functions,
        store,
        start_session=identities.start_function_session,
        s3=aws("s3"),
        local_code=site.built.__getitem__,
        code_folder=(config.state or site.scratch) / "lambda",
        event_sources=EventSources(functions, store, aws("sqs"), authorizer),
    )
    queues = QueuePoller(functions, store, aws("sqs"), authorizer, clock)

    async def restore() -> None:
        await asyncio.to_thread(stacks.restore)
        await asyncio.to_thread(read_roles, identities, aws("stepfunctions"))
        await iam.refresh()
        await management.restore()

    plans, access_logs = UsagePlans(deployed, store), AccessLogs(aws("logs"))
    api = Apis(deployed, functions, plans, metrics, access_logs=access_logs)
    handlers = make_handlers(
        moto=moto,
        authorizer=authorizer,
        functions=functions,
        management=management,
        queue=queue,
        builds=builds,
        sagemaker=sagemaker,
        scaling=scaling,
        percentiles=Percentiles(metrics, clock, aws("cloudwatch"), moto),
        log_events=LogEvents(aws("logs")),
        iam=iam,
        sts=Sts(moto, identities),
        cloudformation=cloudformation,
        cloudcontrol=CloudControl(deployed),
        apigateway=ApiGatewayReads(deployed, api, plans),
        put_events=PutEvents(events),
        quotas=quotas,
    )
    gateway = Gateway(
        api=api,
        control=Control(
            *(queue, custom, clock, faults),
            delete=lambda keep: stacks.delete(stacks.get(config.stack_name), keep=keep),
            health=config.health,
            token=control_token,
            sns_token=sns_token,
        ),
        authorizer=authorizer,
        handlers=handlers | {each: unless_full(store, handlers[each]) for each in _KEPT_IN_STORE},
        default=moto,
        address=config.host,
    )
    for stop in (
        *(functions.stop, queue.stop, builds.stop, events.stop, sagemaker.stop),
        *(api.stop, moto.stop),
    ):
        exits.push_async_callback(stop)
    return Services(
        gateway=gateway,
        api=api,
        control_token=control_token,
        stacks=stacks,
        cloudformation=cloudformation,
        endpoints=endpoints,
        scalable=scalable,
        restore=restore,
        background={
            "moto": lambda: moto_server.watch(site.moto_url, site.moto_key),
            "events": events.watch,
            "schedules": schedules.run,
            "metrics": metrics.run,
            "logs of functions": logs.run,
            "access logs": access_logs.run,
            "alarms": alarms.run,
            "state": store.run,
            "metrics of endpoints": endpoints.beat,
            "scheduled actions": scaling.scheduled.run,
            "idle environments": functions.end_idle,
            "queues of functions": queues.run,
            "metrics of queues": QueueMetrics(aws("sqs"), metrics, clock).run,
            "log files": lambda: keep_cutting(site.logs),
        },
        health=config.health,
    )


def _config_of(store: Store, endpoint: str) -> str:
    """Return the name of the configuration that an endpoint has now."""
    return str((store.get("endpoint", endpoint) or {}).get("EndpointConfigName", endpoint))
