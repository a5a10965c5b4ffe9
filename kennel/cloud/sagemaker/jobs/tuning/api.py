"""Tuning jobs: many training jobs, chosen by a search, and the best of them."""

import asyncio
import contextlib
import uuid

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.faults import Faults
from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.errors import ServiceError, invalid
from kennel.cloud.sagemaker.jobs.training.api import TrainingJobs
from kennel.cloud.sagemaker.jobs.training.record import INTERRUPTED, Publish, tell_nobody
from kennel.cloud.sagemaker.jobs.training.record import KIND as TRAINING
from kennel.cloud.sagemaker.jobs.training.run import INTERNAL
from kennel.cloud.sagemaker.jobs.tuning.report import KIND, TRIED, Report
from kennel.cloud.sagemaker.jobs.tuning.search import Search, Try
from kennel.cloud.sagemaker.jobs.validation import check_tuning, training_request
from kennel.cloud.sagemaker.listing import listed
from kennel.cloud.sagemaker.resources import arn_of

LOOK_SECONDS = 0.5  # how often a running job's objective is looked at; real time
ENDED = {"Completed", "Failed", "Stopped"}
#: Failures, without one success, after which a tuning job is given up. Seen in public reports
#: (aws/amazon-sagemaker-examples issues 2436 and 2437); no page says so.
MOST_FAILURES = 5


class TuningJobs:
    """CreateHyperParameterTuningJob and its companions.

    Parameters
    ----------
    training
        Runs the training jobs, as it runs any.
    publish
        Told of each change of state.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        training: TrainingJobs,
        faults: Faults,
        publish: Publish = tell_nobody,
    ) -> None:
        self._store = store
        self._clock = clock
        self._training = training
        self._faults = faults
        self._publish = publish
        self._report = Report(store)
        self._stopping: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        for value in store.all(KIND):
            if value["HyperParameterTuningJobStatus"] not in ENDED:
                self._end(value["HyperParameterTuningJobName"], "Failed", INTERRUPTED)

    async def create_hyper_parameter_tuning_job(self, request: Json) -> Json:
        """CreateHyperParameterTuningJob."""
        check_tuning(request)
        name = request["HyperParameterTuningJobName"]
        if self._store.get(KIND, name):
            raise ServiceError(
                "ResourceInUse",
                f"A hyperparameter tuning job with the name, {name}, already exists. Choose a "
                "different name.",
            )
        search = Search(request["HyperParameterTuningJobConfig"], self._known(request))
        kept = {key: value for key, value in request.items() if key != "Tags"}
        arn, now = arn_of(KIND, name), self._clock.now()
        self._store.put(
            KIND,
            name,
            kept
            | {
                "HyperParameterTuningJobArn": arn,
                "HyperParameterTuningJobStatus": "InProgress",
                "CreationTime": now,
                "LastModifiedTime": now,
            },
        )
        self._store.put(TRIED, name, {"jobs": []})
        self._stopping[name] = asyncio.Event()
        task = asyncio.ensure_future(self._run(name, search))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return {"HyperParameterTuningJobArn": arn}

    async def describe_hyper_parameter_tuning_job(self, request: Json) -> Json:
        """DescribeHyperParameterTuningJob."""
        return self._report.described(self._existing(request))

    async def list_hyper_parameter_tuning_jobs(self, request: Json) -> Json:
        """ListHyperParameterTuningJobs."""
        items = []
        for value in self._store.all(KIND):
            config = value["HyperParameterTuningJobConfig"]
            shown = {"Strategy": config["Strategy"], "ResourceLimits": config["ResourceLimits"]}
            items.append(self._report.described(value) | shown)
        return listed("ListHyperParameterTuningJobs", request, items)

    async def list_training_jobs_for_hyper_parameter_tuning_job(self, request: Json) -> Json:
        """ListTrainingJobsForHyperParameterTuningJob."""
        items = self._report.jobs(self._existing(request))
        if request.get("SortBy") == "FinalObjectiveMetricValue":
            key = "FinalHyperParameterTuningJobObjectiveMetric"
            items = [
                each | {"FinalObjectiveMetricValue": each[key]["Value"]}
                for each in items
                if key in each
            ]
        return listed("ListTrainingJobsForHyperParameterTuningJob", request, items)

    async def stop_hyper_parameter_tuning_job(self, request: Json) -> Json:
        """StopHyperParameterTuningJob: no more training jobs, and those that run are stopped."""
        value = self._existing(request)
        if (status := value["HyperParameterTuningJobStatus"]) != "InProgress":
            raise invalid(f"The request was rejected because the tuning job is in status {status}.")
        name = request["HyperParameterTuningJobName"]
        self._change(name, HyperParameterTuningJobStatus="Stopping")
        self._stopping[name].set()
        return {}

    async def delete_hyper_parameter_tuning_job(self, request: Json) -> Json:
        """DeleteHyperParameterTuningJob: only one that has ended; its training jobs stay."""
        value = self._existing(request)
        if (status := value["HyperParameterTuningJobStatus"]) not in ENDED:
            raise invalid(f"The request was rejected because the tuning job is in status {status}.")
        self._store.delete(KIND, request["HyperParameterTuningJobName"])
        self._store.delete(TRIED, request["HyperParameterTuningJobName"])
        return {}

    async def stop(self) -> None:
        """Stop searching; the jobs are told as failed at the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, name: str, search: Search) -> None:
        if fault := self._faults.take("CreateHyperParameterTuningJob", name, "fail"):
            self._end(name, "Failed", fault.reason or INTERNAL)
            return
        limit = self._value(name)["HyperParameterTuningJobConfig"]["ResourceLimits"]
        over = asyncio.ensure_future(self._over(name, limit.get("MaxRuntimeInSeconds")))
        try:
            await self._search(name, search, limit)
        except Exception as error:  # a fault of ours is told as the service tells its own
            self._end(name, "Failed", f"InternalServerError: {error!r}")
            raise
        finally:
            over.cancel()
        jobs = self._report.jobs(self._value(name))
        if self._stopping[name].is_set():
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

    async def _over(self, name: str, seconds: int | None) -> None:
        if seconds is not None:
            await self._clock.sleep(seconds)
            self._stopping[name].set()

    async def _search(self, name: str, search: Search, limit: Json) -> None:
        """Keep as many training jobs running as may run, until one of the limits is met."""
        most = limit.get("MaxNumberOfTrainingJobs")
        running: set[asyncio.Task[None]] = set()
        started = 0
        try:
            while True:
                while (
                    len(running) < limit["MaxParallelTrainingJobs"]
                    and (most is None or started < most)
                    and not self._stopping[name].is_set()
                    and not self._report.is_enough(self._value(name))
                    and not self._report.is_hopeless(self._value(name), MOST_FAILURES)
                    and (tried := search.propose())
                ):
                    started += 1
                    running.add(asyncio.ensure_future(self._one(name, search, tried, started)))
                if not running:
                    return
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            for task in running:
                task.cancel()

    async def _one(self, name: str, search: Search, tried: Try, number: int) -> None:
        """Run one training job; stop it when it is hopeless, or when the tuning job stops."""
        tuning = self._value(name)
        definition = tuning["TrainingJobDefinition"]
        metric = tuning["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"][
            "MetricName"
        ]
        given = {
            **definition.get("StaticHyperParameters", {}),
            **tried.values,
            "_tuning_objective_metric": metric,
        }
        job = f"{name}-{number:03}-{uuid.uuid4().hex[:8]}"
        request = training_request(definition, job, given)
        self._training.start(request, TuningJobArn=tuning["HyperParameterTuningJobArn"])
        tags = self._store.get("tags", tuning["HyperParameterTuningJobArn"].lower()) or {}
        self._store.put("tags", arn_of(TRAINING, job), tags)
        kept = self._store.get(TRIED, name) or {"jobs": []}
        kept["jobs"].append({"name": job, "tuned": tried.values})
        self._store.put(TRIED, name, kept)

        curve = await self._watch(name, job, search, tried, metric)
        described = await self._training.finished(job)
        final = {
            each["MetricName"]: each["Value"] for each in described.get("FinalMetricDataList", [])
        }
        failed = described["TrainingJobStatus"] == "Failed"
        stopped = described["TrainingJobStatus"] == "Stopped"
        search.tell(tried, None if failed else final.get(metric), curve, stopped)

    async def _watch(
        self, name: str, job: str, search: Search, tried: Try, metric: str
    ) -> list[float]:
        """Wait for a training job's end, stop it where it has to be, return its objectives."""
        finished = asyncio.ensure_future(self._training.finished(job))
        curve: list[float] = []
        asked = False
        try:
            while not finished.done():
                await asyncio.wait({finished}, timeout=LOOK_SECONDS)
                curve = self._training.values(job).get(metric, curve)
                hopeless = search.is_hopeless(tried, curve)
                if not asked and (hopeless or self._stopping[name].is_set()):
                    asked = True
                    with contextlib.suppress(ServiceError):  # it has just ended by itself
                        await self._training.stop_training_job({"TrainingJobName": job})
        finally:
            finished.cancel()
        return curve

    def _known(self, request: Json) -> list[tuple[dict[str, str], float]]:
        """Return what the parents of a warm start have found.

        Raises
        ------
        ServiceError
            When a parent is missing, has not ended, or searches other hyperparameters.
        """
        known = []
        for parent in request.get("WarmStartConfig", {}).get("ParentHyperParameterTuningJobs", []):
            value = self._existing(parent)
            if value["HyperParameterTuningJobStatus"] not in ENDED:
                raise invalid(
                    f"The parent tuning job {parent['HyperParameterTuningJobName']} has not ended."
                )
            if self._report.names(value) != self._report.names(request):
                raise invalid(
                    "The set of tunable plus static HyperParameter names is not the same across "
                    "current and parent tuning jobs. Please ensure this set is constant when warm "
                    "starting. Note that previously static HyperParameters can be tuned in warm "
                    "start jobs and vice versa."
                )
            static = value["TrainingJobDefinition"].get("StaticHyperParameters", {})
            known += [
                (static | tuned, objective) for tuned, objective in self._report.results(value)
            ]
        return known

    def _existing(self, request: Json) -> Json:
        name = request["HyperParameterTuningJobName"]
        value = self._store.get(KIND, name)
        if value is None:
            raise ServiceError(
                "ResourceNotFound",
                f"Amazon SageMaker can't find a tuning job called {name}. Type another name.",
            )
        return value

    def _value(self, name: str) -> Json:
        return self._existing({"HyperParameterTuningJobName": name})

    def _change(self, name: str, **members: object) -> None:
        value = self._value(name) | members | {"LastModifiedTime": self._clock.now()}
        self._store.put(KIND, name, value)
        self._publish(
            "SageMaker HyperParameter Tuning Job State Change",
            "aws.sagemaker",
            self._report.described(value),
            [value["HyperParameterTuningJobArn"]],
        )

    def _end(self, name: str, status: str, reason: str = "") -> None:
        members: Json = {"FailureReason": reason} if reason else {}
        self._change(
            name,
            HyperParameterTuningJobStatus=status,
            HyperParameterTuningEndTime=self._clock.now(),
            **members,
        )
