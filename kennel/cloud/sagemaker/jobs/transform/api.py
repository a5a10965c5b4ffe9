"""Answer the actions of transform jobs; `run.py` does their work."""

import asyncio

from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.runtime.faults import Fault, Faults
from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.endpoints.images import ImageResolver
from kennel.cloud.sagemaker.errors import invalid, missing, not_found
from kennel.cloud.sagemaker.handlers import Handler
from kennel.cloud.sagemaker.jobs.context import JobContext
from kennel.cloud.sagemaker.jobs.states import (
    ENDED,
    INTERRUPTED,
    MAX_REASON,
    JobFailed,
    Publish,
    apply_fault,
)
from kennel.cloud.sagemaker.jobs.transform.run import TransformRun
from kennel.cloud.sagemaker.jobs.transform.validation import check_transform
from kennel.cloud.sagemaker.resources import arn_of

KIND = "transform-job"


class TransformJobs:
    """Transform jobs; each runs in its own task.

    Parameters
    ----------
    resolve_image
        Returns the command of a model's image.
    publish
        Receives an event for each change of state.
    """

    def __init__(
        self,
        store: Store,
        context: JobContext,
        faults: Faults,
        resolve_image: ImageResolver,
        publish: Publish,
    ) -> None:
        self._store = store
        self._context = context
        self._faults = faults
        self._resolve_image = resolve_image
        self._publish = publish
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopping: set[str] = set()
        for value in store.all(KIND):
            if value["TransformJobStatus"] not in ENDED:
                self._enter(value["TransformJobName"], "Failed", INTERRUPTED)

    def handlers(self) -> dict[str, Handler]:
        """Return the handler of each action."""
        return {
            "CreateTransformJob": self.create_transform_job,
            "DescribeTransformJob": self.describe_transform_job,
            "StopTransformJob": self.stop_transform_job,
        }

    async def create_transform_job(self, request: Json) -> Json:
        """CreateTransformJob: answer at once, run the job in the background."""
        check_transform(request)
        name = request["TransformJobName"]
        arn = arn_of(KIND, name)
        model = self._store.get("model", request["ModelName"])
        if model is None:
            raise missing("model", arn_of("model", request["ModelName"]))
        self._context.account.check_role(model["ExecutionRoleArn"])
        if self._store.get(KIND, name):
            raise ServiceError(
                "ResourceInUse",
                "Job name must be unique within an AWS account and region, and a job with this "
                f"name already exists ({arn})",
            )
        members = {key: value for key, value in request.items() if key != "Tags"}
        now = self._context.clock.now()
        self._store.put(KIND, name, members | {"TransformJobArn": arn, "CreationTime": now})
        self._enter(name, "InProgress")
        run = TransformRun(request, model, self._context, self._resolve_image)
        fault = self._faults.take("CreateTransformJob", name)
        self._tasks[name] = task = asyncio.ensure_future(self._run(name, run, fault))
        task.add_done_callback(lambda _: self._tasks.pop(name, None))
        return {"TransformJobArn": arn}

    async def describe_transform_job(self, request: Json) -> Json:
        """DescribeTransformJob."""
        value = self._described(request)
        return {key: each for key, each in value.items() if key != "LastModifiedTime"}

    async def stop_transform_job(self, request: Json) -> Json:
        """StopTransformJob."""
        name = request["TransformJobName"]
        status = self._described(request)["TransformJobStatus"]
        if status != "InProgress":
            raise invalid(
                f"The request was rejected because the transform job is in status {status}."
            )
        self._enter(name, "Stopping")
        self._stopping.add(name)
        self._tasks[name].cancel()
        return {}

    async def stop(self) -> None:
        """End all jobs' processes; the next start marks the jobs as failed."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, name: str, run: TransformRun, fault: Fault | None) -> None:
        try:
            self._change(name, TransformStartTime=self._context.clock.now())
            await apply_fault(fault)
            await run.run()
            self._enter(name, "Completed")
        except JobFailed as error:
            self._enter(name, "Failed", str(error))
        except asyncio.CancelledError:
            if name not in self._stopping:  # the cloud is ending
                raise
            self._stopping.discard(name)
            self._enter(name, "Stopped")
        except Exception as error:  # a bug of the emulator: the service reports its own like this
            self._enter(name, "Failed", f"InternalServerError: {error!r}")
            raise

    def _described(self, request: Json) -> Json:
        value = self._store.get(KIND, request["TransformJobName"])
        if value is None:
            raise not_found()
        return value

    def _change(self, name: str, **members: object) -> Json:
        value = self._described({"TransformJobName": name}) | members
        self._store.put(KIND, name, value)
        return value

    def _enter(self, name: str, status: str, reason: str = "") -> None:
        now = self._context.clock.now()
        members: Json = {"TransformJobStatus": status, "LastModifiedTime": now}
        if status in ENDED:
            members["TransformEndTime"] = now
        if reason:
            members["FailureReason"] = reason[:MAX_REASON]
        value = self._change(name, **members)
        self._publish(
            "SageMaker Transform Job State Change",
            "aws.sagemaker",
            value,
            [value["TransformJobArn"]],
        )
