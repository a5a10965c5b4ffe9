"""Transform jobs: what the API says and asks."""

import asyncio

from kennel.cloud.runtime.faults import Fault, Faults
from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.endpoints.instance import Images
from kennel.cloud.sagemaker.errors import ServiceError, invalid, missing, not_found
from kennel.cloud.sagemaker.jobs.training.record import INTERRUPTED, MOST_REASON, Publish
from kennel.cloud.sagemaker.jobs.training.run import CAPACITY, INTERNAL, Place
from kennel.cloud.sagemaker.jobs.transform.run import TransformFailed, TransformRun
from kennel.cloud.sagemaker.jobs.validation import check_transform
from kennel.cloud.sagemaker.resources import arn_of

KIND = "transform-job"
ENDED = {"Completed", "Failed", "Stopped"}


class TransformJobs:
    """CreateTransformJob and its companions.

    Parameters
    ----------
    place
        What jobs run in.
    images
        What a model's image comes to on this machine.
    publish
        Told of each change of state.
    """

    def __init__(
        self, store: Store, place: Place, faults: Faults, images: Images, publish: Publish
    ) -> None:
        self._store = store
        self._place = place
        self._faults = faults
        self._images = images
        self._publish = publish
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopping: set[str] = set()
        for value in store.all(KIND):
            if value["TransformJobStatus"] not in ENDED:
                self._enter(value["TransformJobName"], "Failed", INTERRUPTED)

    async def create_transform_job(self, request: Json) -> Json:
        """CreateTransformJob: answers at once, the work goes on behind."""
        check_transform(request)
        name = request["TransformJobName"]
        arn = arn_of(KIND, name)
        model = self._store.get("model", request["ModelName"])
        if model is None:
            raise missing("model", arn_of("model", request["ModelName"]))
        self._place.account.check_role(model["ExecutionRoleArn"])
        if self._store.get(KIND, name):
            raise ServiceError(
                "ResourceInUse",
                "Job name must be unique within an AWS account and region, and a job with this "
                f"name already exists ({arn})",
            )
        kept = {key: value for key, value in request.items() if key != "Tags"}
        now = self._place.clock.now()
        self._store.put(KIND, name, kept | {"TransformJobArn": arn, "CreationTime": now})
        self._enter(name, "InProgress")
        run = TransformRun(request, model, self._place, self._images)
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
        """End all jobs' processes; the jobs are told as failed at the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, name: str, run: TransformRun, fault: Fault | None) -> None:
        try:
            self._change(name, TransformStartTime=self._place.clock.now())
            await _meet(fault)
            await run.run()
            self._enter(name, "Completed")
        except TransformFailed as error:
            self._enter(name, "Failed", str(error))
        except asyncio.CancelledError:
            if name not in self._stopping:  # the cloud ends
                raise
            self._stopping.discard(name)
            self._enter(name, "Stopped")
        except Exception as error:  # a fault of ours is told as the service tells its own
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
        now = self._place.clock.now()
        members: Json = {"TransformJobStatus": status, "LastModifiedTime": now}
        if status in ENDED:
            members["TransformEndTime"] = now
        if reason:
            members["FailureReason"] = reason[:MOST_REASON]
        value = self._change(name, **members)
        self._publish(
            "SageMaker Transform Job State Change",
            "aws.sagemaker",
            value,
            [value["TransformJobArn"]],
        )


async def _meet(fault: Fault | None) -> None:
    if fault is None:
        return
    if fault.how == "hang":
        await asyncio.Event().wait()
    raise TransformFailed(fault.reason or (CAPACITY if fault.how == "capacity" else INTERNAL))
