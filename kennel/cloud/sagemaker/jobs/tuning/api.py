"""Answer the actions of tuning jobs; `run.py` runs their trials."""

import asyncio

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.runtime.faults import Faults
from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.errors import invalid
from kennel.cloud.sagemaker.handlers import Handler
from kennel.cloud.sagemaker.jobs.states import (
    ENDED,
    INTERNAL_ERROR,
    INTERRUPTED,
    Publish,
    discard_event,
)
from kennel.cloud.sagemaker.jobs.training.api import TrainingJobs
from kennel.cloud.sagemaker.jobs.tuning.report import KIND, TRIALS, TuningReport
from kennel.cloud.sagemaker.jobs.tuning.run import TuningRun
from kennel.cloud.sagemaker.jobs.tuning.validation import check_tuning
from kennel.cloud.sagemaker.listing import list_answer
from kennel.cloud.sagemaker.resources import arn_of


class TuningJobs:
    """Hyperparameter tuning jobs; each runs in its own task.

    Parameters
    ----------
    training
        Runs the training job of each trial.
    publish
        Receives an event for each change of state.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        training: TrainingJobs,
        faults: Faults,
        publish: Publish = discard_event,
    ) -> None:
        self._store = store
        self._clock = clock
        self._training = training
        self._faults = faults
        self._publish = publish
        self._report = TuningReport(store)
        self._stopping: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        for tuning in store.all(KIND):
            if tuning["HyperParameterTuningJobStatus"] not in ENDED:
                self._end(tuning["HyperParameterTuningJobName"], "Failed", INTERRUPTED)

    def handlers(self) -> dict[str, Handler]:
        """Return the handler of each action."""
        return {
            "CreateHyperParameterTuningJob": self.create_hyper_parameter_tuning_job,
            "DescribeHyperParameterTuningJob": self.describe_hyper_parameter_tuning_job,
            "ListHyperParameterTuningJobs": self.list_hyper_parameter_tuning_jobs,
            "ListTrainingJobsForHyperParameterTuningJob": self.list_training_jobs,
            "StopHyperParameterTuningJob": self.stop_hyper_parameter_tuning_job,
            "DeleteHyperParameterTuningJob": self.delete_hyper_parameter_tuning_job,
        }

    async def create_hyper_parameter_tuning_job(self, request: Json) -> Json:
        """CreateHyperParameterTuningJob: answer at once, run the job in the background."""
        check_tuning(request)
        name = request["HyperParameterTuningJobName"]
        if self._store.get(KIND, name):
            raise ServiceError(
                "ResourceInUse",
                f"A hyperparameter tuning job with the name, {name}, already exists. Choose a "
                "different name.",
            )
        from kennel.cloud.sagemaker.jobs.tuning.search import (  # noqa: PLC0415  # Optuna: 0.3 s
            Search,
        )

        search = Search(request["HyperParameterTuningJobConfig"], self._parent_results(request))
        members = {key: value for key, value in request.items() if key != "Tags"}
        arn, now = arn_of(KIND, name), self._clock.now()
        tuning = {
            **members,
            "HyperParameterTuningJobArn": arn,
            "HyperParameterTuningJobStatus": "InProgress",
            "CreationTime": now,
            "LastModifiedTime": now,
        }
        self._store.put(KIND, name, tuning)
        self._store.put(TRIALS, name, {"jobs": []})
        self._stopping[name] = stopping = asyncio.Event()
        run = TuningRun(tuning, search, self._store, self._training, self._report, stopping)
        task = asyncio.ensure_future(self._run(name, run))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return {"HyperParameterTuningJobArn": arn}

    async def describe_hyper_parameter_tuning_job(self, request: Json) -> Json:
        """DescribeHyperParameterTuningJob."""
        return self._report.describe(self._existing(request))

    async def list_hyper_parameter_tuning_jobs(self, request: Json) -> Json:
        """ListHyperParameterTuningJobs."""
        items = []
        for tuning in self._store.all(KIND):
            config = tuning["HyperParameterTuningJobConfig"]
            limits = {"Strategy": config["Strategy"], "ResourceLimits": config["ResourceLimits"]}
            items.append(self._report.describe(tuning) | limits)
        return list_answer("ListHyperParameterTuningJobs", request, items)

    async def list_training_jobs(self, request: Json) -> Json:
        """ListTrainingJobsForHyperParameterTuningJob."""
        items = self._report.jobs(self._existing(request))
        if request.get("SortBy") == "FinalObjectiveMetricValue":
            member = "FinalHyperParameterTuningJobObjectiveMetric"
            items = [
                job | {"FinalObjectiveMetricValue": job[member]["Value"]}
                for job in items
                if member in job
            ]
        return list_answer("ListTrainingJobsForHyperParameterTuningJob", request, items)

    async def stop_hyper_parameter_tuning_job(self, request: Json) -> Json:
        """StopHyperParameterTuningJob: start no more training jobs, stop the running ones."""
        tuning = self._existing(request)
        if (status := tuning["HyperParameterTuningJobStatus"]) != "InProgress":
            raise invalid(f"The request was rejected because the tuning job is in status {status}.")
        name = request["HyperParameterTuningJobName"]
        self._change(name, HyperParameterTuningJobStatus="Stopping")
        self._stopping[name].set()
        return {}

    async def delete_hyper_parameter_tuning_job(self, request: Json) -> Json:
        """DeleteHyperParameterTuningJob: refused until the job has ended; training jobs stay."""
        tuning = self._existing(request)
        if (status := tuning["HyperParameterTuningJobStatus"]) not in ENDED:
            raise invalid(f"The request was rejected because the tuning job is in status {status}.")
        self._store.delete(KIND, request["HyperParameterTuningJobName"])
        self._store.delete(TRIALS, request["HyperParameterTuningJobName"])
        return {}

    async def stop(self) -> None:
        """End all searches; the next start marks the jobs as failed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, name: str, run: TuningRun) -> None:
        if fault := self._faults.take("CreateHyperParameterTuningJob", name, "fail"):
            self._end(name, "Failed", fault.reason or INTERNAL_ERROR)
            return
        limits = run.tuning["HyperParameterTuningJobConfig"]["ResourceLimits"]
        timeout = asyncio.ensure_future(
            self._stop_after(run.stopping, limits.get("MaxRuntimeInSeconds"))
        )
        try:
            await run.run()
        except Exception as error:  # a bug of the emulator: the service reports its own like this
            self._end(name, "Failed", f"InternalServerError: {error!r}")
            raise
        finally:
            timeout.cancel()
        jobs = self._report.jobs(run.tuning)
        if run.stopping.is_set():
            self._end(name, "Stopped")
        elif any(job.get("ObjectiveStatus") == "Succeeded" for job in jobs):
            self._end(name, "Completed")
        else:
            self._end(
                name,
                "Failed",
                f"No training job succeeded after {len(jobs)} attempts. Please take a look at the "
                "training job failures to get more details.",
            )

    async def _stop_after(self, stopping: asyncio.Event, seconds: int | None) -> None:
        if seconds is not None:
            await self._clock.sleep(seconds)
            stopping.set()

    def _parent_results(self, request: Json) -> list[tuple[dict[str, str], float]]:
        """Return (hyperparameters, objective) of the training jobs of a warm start's parents.

        Raises
        ------
        ServiceError
            When a parent is missing, has not ended, or searches other hyperparameters.
        """
        results = []
        for parent in request.get("WarmStartConfig", {}).get("ParentHyperParameterTuningJobs", []):
            tuning = self._existing(parent)
            if tuning["HyperParameterTuningJobStatus"] not in ENDED:
                raise invalid(
                    f"The parent tuning job {parent['HyperParameterTuningJobName']} has not ended."
                )
            if self._report.names(tuning) != self._report.names(request):
                raise invalid(
                    "The set of tunable plus static HyperParameter names is not the same across "
                    "current and parent tuning jobs. Please ensure this set is constant when warm "
                    "starting. Note that previously static HyperParameters can be tuned in warm "
                    "start jobs and vice versa."
                )
            static = tuning["TrainingJobDefinition"].get("StaticHyperParameters", {})
            results += [
                (static | tuned, objective) for tuned, objective in self._report.results(tuning)
            ]
        return results

    def _existing(self, request: Json) -> Json:
        name = request["HyperParameterTuningJobName"]
        tuning = self._store.get(KIND, name)
        if tuning is None:
            raise ServiceError(
                "ResourceNotFound",
                f"Amazon SageMaker can't find a tuning job called {name}. Type another name.",
            )
        return tuning

    def _change(self, name: str, **members: object) -> None:
        tuning = self._existing({"HyperParameterTuningJobName": name})
        tuning |= members | {"LastModifiedTime": self._clock.now()}
        self._store.put(KIND, name, tuning)
        self._publish(
            "SageMaker HyperParameter Tuning Job State Change",
            "aws.sagemaker",
            self._report.describe(tuning),
            [tuning["HyperParameterTuningJobArn"]],
        )

    def _end(self, name: str, status: str, reason: str = "") -> None:
        members: Json = {"FailureReason": reason} if reason else {}
        self._change(
            name,
            HyperParameterTuningJobStatus=status,
            HyperParameterTuningEndTime=self._clock.now(),
            **members,
        )
