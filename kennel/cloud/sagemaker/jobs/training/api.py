"""Answer the actions of training jobs; `run.py` does their work."""

import asyncio
from typing import Any

from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.runtime.faults import Faults
from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.errors import invalid, not_found
from kennel.cloud.sagemaker.handlers import Handler
from kennel.cloud.sagemaker.jobs.context import JobContext
from kennel.cloud.sagemaker.jobs.states import ENDED, Publish, discard_event
from kennel.cloud.sagemaker.jobs.training.record import (
    KIND,
    TrainingRecord,
    fail_interrupted,
)
from kennel.cloud.sagemaker.jobs.training.run import TrainingRun
from kennel.cloud.sagemaker.jobs.training.validation import check_training


class TrainingJobs:
    """Training jobs; each runs in its own task.

    Parameters
    ----------
    publish
        Receives an event for each change of state.
    """

    def __init__(
        self,
        store: Store,
        context: JobContext,
        faults: Faults,
        publish: Publish = discard_event,
    ) -> None:
        self._store = store
        self._context = context
        self._faults = faults
        self._publish = publish
        self._runs: dict[str, tuple[TrainingRun, asyncio.Task[None]]] = {}
        fail_interrupted(store, context.clock)

    def handlers(self) -> dict[str, Handler]:
        """Return the handler of each action."""
        return {
            "CreateTrainingJob": self.create_training_job,
            "DescribeTrainingJob": self.describe_training_job,
            "StopTrainingJob": self.stop_training_job,
            "DeleteTrainingJob": self.delete_training_job,
        }

    async def create_training_job(self, request: Json) -> Json:
        """CreateTrainingJob: answer at once, run the job in the background."""
        return {"TrainingJobArn": self.start(request)["TrainingJobArn"]}

    def start(self, request: Json, **members: Any) -> Json:
        """Start a job and return its description.

        Parameters
        ----------
        members
            Members of the description that a request does not have, such as TuningJobArn.
        """
        check_training(request)
        self._context.account.check_role(request["RoleArn"])
        name = request["TrainingJobName"]
        if existing := self._store.get(KIND, name):
            raise ServiceError(
                "ResourceInUse",
                "Training job names must be unique within an AWS account and region, and a "
                f"training job with this name already exists ({existing['TrainingJobArn']})",
            )
        record = TrainingRecord.new(
            self._store, self._context.clock, self._publish, {**request, **members}
        )
        run = TrainingRun(
            request, record, self._context, self._faults.take("CreateTrainingJob", name)
        )
        task = asyncio.ensure_future(run.run())
        self._runs[name] = run, task
        task.add_done_callback(lambda _: self._runs.pop(name, None))
        return record.value

    async def describe_training_job(self, request: Json) -> Json:
        """DescribeTrainingJob."""
        return self._described(request)

    async def stop_training_job(self, request: Json) -> Json:
        """StopTrainingJob."""
        described = self._described(request)
        if (status := described["TrainingJobStatus"]) != "InProgress":
            raise invalid(
                f"The request was rejected because the training job is in status {status}."
            )
        run, _ = self._runs[request["TrainingJobName"]]
        run.stop()
        return {}

    async def delete_training_job(self, request: Json) -> Json:
        """DeleteTrainingJob: refused until the job has ended."""
        described = self._described(request)
        if (status := described["TrainingJobStatus"]) not in ENDED:
            raise ServiceError(
                "ResourceInUse",
                f"The request was rejected because the training job is in status {status}.",
            )
        self._store.delete(KIND, request["TrainingJobName"])
        return {}

    async def wait(self, name: str) -> Json:
        """Wait until a job has ended; return its description."""
        if name in self._runs:
            _, task = self._runs[name]
            await asyncio.wait({task})
        return self._described({"TrainingJobName": name})

    def metric_values(self, name: str) -> dict[str, list[float]]:
        """Return all values of each metric of a running job so far; {} once it has ended."""
        if name not in self._runs:
            return {}
        run, _ = self._runs[name]
        return run.metric_values()

    async def stop(self) -> None:
        """End all jobs' processes; the next start marks the jobs as failed."""
        tasks = [task for _, task in self._runs.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _described(self, request: Json) -> Json:
        described = self._store.get(KIND, request["TrainingJobName"])
        if described is None:
            raise not_found()
        return described
