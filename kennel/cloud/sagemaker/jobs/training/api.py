"""Training jobs: what the API says and asks."""

import asyncio
from typing import Any

from kennel.cloud.runtime.faults import Faults
from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.errors import ServiceError, not_found
from kennel.cloud.sagemaker.jobs.training.record import (
    ENDED,
    KIND,
    Publish,
    Record,
    fail_interrupted,
    tell_nobody,
)
from kennel.cloud.sagemaker.jobs.training.run import Place, Run
from kennel.cloud.sagemaker.jobs.validation import check_training


class TrainingJobs:
    """CreateTrainingJob and its companions; each job runs in a task of its own.

    Parameters
    ----------
    place
        What jobs run in.
    publish
        Told of each change of state.
    """

    def __init__(
        self,
        store: Store,
        place: Place,
        faults: Faults,
        publish: Publish = tell_nobody,
    ) -> None:
        self._store = store
        self._place = place
        self._faults = faults
        self._publish = publish
        self._runs: dict[str, tuple[Run, asyncio.Task[None]]] = {}
        fail_interrupted(store, place.clock)

    async def create_training_job(self, request: Json) -> Json:
        """CreateTrainingJob: answers at once, the work goes on behind."""
        return {"TrainingJobArn": self.start(request)["TrainingJobArn"]}

    def start(self, request: Json, **more: Any) -> Json:
        """Start a job and return its description.

        Parameters
        ----------
        more
            Members of the description that no request has, such as TuningJobArn.
        """
        check_training(request)
        self._place.account.check_role(request["RoleArn"])
        name = request["TrainingJobName"]
        if there := self._store.get(KIND, name):
            raise ServiceError(
                "ResourceInUse",
                "Training job names must be unique within an AWS account and region, and a "
                f"training job with this name already exists ({there['TrainingJobArn']})",
            )
        record = Record.new(self._store, self._place.clock, self._publish, {**request, **more})
        run = Run(request, record, self._place, self._faults.take("CreateTrainingJob", name))
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
            raise ServiceError(
                "ValidationException",
                f"The request was rejected because the training job is in status {status}.",
            )
        self._runs[request["TrainingJobName"]][0].stop()
        return {}

    async def delete_training_job(self, request: Json) -> Json:
        """DeleteTrainingJob: only one that has ended."""
        described = self._described(request)
        if (status := described["TrainingJobStatus"]) not in ENDED:
            raise ServiceError(
                "ResourceInUse",
                f"The request was rejected because the training job is in status {status}.",
            )
        self._store.delete(KIND, request["TrainingJobName"])
        return {}

    async def finished(self, name: str) -> Json:
        """Wait until a job has ended; return its description."""
        if name in self._runs:
            await asyncio.wait({self._runs[name][1]})
        return self._described({"TrainingJobName": name})

    def values(self, name: str) -> dict[str, list[float]]:
        """Return every value of each metric that a running job has printed so far."""
        return self._runs[name][0].values() if name in self._runs else {}

    async def stop(self) -> None:
        """End all jobs' processes; the jobs are told as failed at the next start."""
        tasks = [task for _, task in self._runs.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _described(self, request: Json) -> Json:
        described = self._store.get(KIND, request["TrainingJobName"])
        if described is None:
            raise not_found()
        return described
