"""CodeBuild, emulated: a build records its context in the offline ECR; nothing is built.

No command of the buildspec runs. An endpoint of such an image runs the server of this checkout
(see sagemaker/endpoints/images.py). A fault on StartBuild refuses the call, or lets the build fail
or hang.
"""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import yaml
from botocore.exceptions import ClientError
from starlette.requests import Request
from starlette.responses import Response

from kennel.cloud.cloudformation.deployed import DeployedResources
from kennel.cloud.cloudformation.template import Resource
from kennel.cloud.codebuild.build import Build, Json
from kennel.cloud.codebuild.image import ImagePlan, NotRecorded, record
from kennel.cloud.runtime.errors import ServiceError, error_response, not_implemented
from kennel.cloud.runtime.faults import Faults
from kennel.cloud.runtime.json_text import AmzJson, read_parameters
from kennel.cloud.servicequotas.quotas import BUILDS, Quotas

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient

#: What is answered here; projects themselves are moto's.
OPERATIONS = {
    *("StartBuild", "BatchGetBuilds", "StopBuild", "ListBuilds", "ListBuildsForProject"),
}

#: The environment that BUILDS is the quota of.
_SMALL = ("LINUX_CONTAINER", "BUILD_GENERAL1_SMALL")

#: A boto3 client by service and the ARN of the role that calls.
RoleClients = Callable[[str, str], Any]


class ImageBuilds:
    """Answers StartBuild, BatchGetBuilds, StopBuild, ListBuilds and ListBuildsForProject.

    Parameters
    ----------
    deployed
        Has the projects.
    clients
        Clients of S3 and ECR with the permissions of a project's role.
    logs
        A client of CloudWatch Logs, for projects that name a group.
    faults
        A fault on StartBuild is taken by the next build of the project that it names.
    quotas
        Has the number of builds that may run at once.
    """

    def __init__(
        self,
        deployed: DeployedResources,
        clients: RoleClients,
        logs: "CloudWatchLogsClient",
        faults: Faults,
        quotas: Quotas | None = None,
    ) -> None:
        self._deployed = deployed
        self._clients = clients
        self._logs = logs
        self._faults = faults
        self._quotas = quotas or Quotas()
        self._builds: dict[str, Build] = {}

    async def answer(self, request: Request) -> Response:
        """Answer a signed call that the caller may make."""
        operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
        parameters: Json = read_parameters(await request.body())
        try:
            match operation:
                case "StartBuild":
                    answer: Json = {"build": self._start(parameters).description}
                case "BatchGetBuilds":
                    answer = self._described(parameters["ids"])
                case "StopBuild":
                    answer = {"build": (await self._stop(parameters["id"])).description}
                case "ListBuilds" | "ListBuildsForProject":
                    answer = {"ids": self._listed(parameters)}
                case _:
                    message = f"the offline cloud does not emulate codebuild:{operation}"
                    return error_response("codebuild", not_implemented(message))
        except ServiceError as error:
            return error_response("codebuild", error)
        except KeyError as error:
            message = f"Project or build cannot be found: {error.args[0]}"
            return error_response("codebuild", ServiceError("ResourceNotFoundException", message))
        return AmzJson(answer)

    async def stop(self) -> None:
        """End every build."""
        tasks = [each.task for each in self._builds.values() if each.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _described(self, ids: list[str]) -> Json:
        builds = {each: self._builds.get(_id_of(each)) for each in ids}
        return {
            "builds": [build.description for build in builds.values() if build],
            "buildsNotFound": [each for each, build in builds.items() if build is None],
        }

    def _listed(self, parameters: Json) -> list[str]:
        if (name := parameters.get("projectName")) is not None and name not in self._projects:
            raise KeyError(name)
        ids = [
            build.id
            for build in self._builds.values()
            if name in {None, build.description["projectName"]}
        ]
        return ids if parameters.get("sortOrder") == "ASCENDING" else ids[::-1]

    @property
    def _projects(self) -> dict[str, Resource]:
        projects = self._deployed.of_type("AWS::CodeBuild::Project")
        return {each.name: each for each in projects}

    def _start(self, parameters: Json) -> Build:
        project = self._projects[parameters["projectName"]]
        if self._faults.take("StartBuild", project.name, "throttle"):
            raise ServiceError("ThrottlingException", "Rate exceeded")
        token = parameters.get("idempotencyToken", "")
        for each in self._builds.values():
            if token and each.token == token:
                return each
        self._refuse_over_quota(project)
        build = Build.of(project, parameters, len(self._builds) + 1)
        self._builds[build.id] = build
        spec = parameters.get("buildspecOverride") or project.properties["Source"]["BuildSpec"]
        build.task = asyncio.ensure_future(self._run(build, project, spec))
        return build

    def _refuse_over_quota(self, project: Resource) -> None:
        """Raise ServiceError where the account may run no further build.

        A new account's quota may be 0:
        https://github.com/awslabs/landing-zone-accelerator-on-aws/issues/1013.
        """
        environment = project.properties["Environment"]
        if (environment["Type"], environment["ComputeType"]) != _SMALL:
            return
        most = int(self._quotas.value(BUILDS))
        running = [each for each in self._builds.values() if not each.description["buildComplete"]]
        if len(running) >= most:
            message = f"Cannot have more than {most} builds in queue for the account"
            raise ServiceError("AccountLimitExceededException", message)

    async def _stop(self, build_id: str) -> Build:
        build = self._builds[_id_of(build_id)]
        if build.task and not build.task.done():
            build.task.cancel()
            await asyncio.gather(build.task, return_exceptions=True)
        return build

    async def _run(self, build: Build, project: Resource, spec: str) -> None:
        """Take a build from its first phase to its last."""
        for phase in ("SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "BUILD"):
            build.enter(phase)
        try:
            fault = self._faults.take("StartBuild", project.name)
            if fault and fault.how == "hang":
                await asyncio.Event().wait()
            if fault:
                raise NotRecorded(fault.reason or f"a fault was asked for: {fault.how}")
            plan = ImagePlan.read(spec, build.variables)
            digest = await asyncio.to_thread(self._record, plan, project)
        except asyncio.CancelledError:
            build.leave("STOPPED")
            build.end("STOPPED")
            raise
        except (NotRecorded, ClientError, yaml.YAMLError) as error:
            build.output.append(str(error))
            build.leave("FAILED", str(error))
            build.end("FAILED")
        else:
            build.output.append(
                f"not built: the offline cloud runs no command of the buildspec. {plan.image} is "
                f"the build context {plan.source} alone, digest {digest}"
            )
            build.enter("FINALIZING")
            build.end("SUCCEEDED")
        await asyncio.to_thread(self._write_log, build)

    def _record(self, plan: ImagePlan, project: Resource) -> str:
        role = project.properties["ServiceRole"]
        return record(plan, self._clients("s3", role), self._clients("ecr", role))

    def _write_log(self, build: Build) -> None:
        group = build.description["logs"].get("groupName")
        stream = build.description["logs"]["streamName"]
        if not group:
            return
        self._logs.create_log_stream(logGroupName=group, logStreamName=stream)
        now = int(time.time() * 1000)
        self._logs.put_log_events(
            logGroupName=group,
            logStreamName=stream,
            logEvents=[{"timestamp": now, "message": line} for line in build.output],
        )


def _id_of(build: str) -> str:
    """Return a build's id; an ARN has it behind its last slash."""
    return build.rpartition("/")[2]
