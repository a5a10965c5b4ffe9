"""Run one tuning job: start the training job of each trial, watch it, report it to the search."""

import asyncio
import contextlib
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.jobs.training.api import TrainingJobs
from kennel.cloud.sagemaker.jobs.training.record import KIND as TRAINING
from kennel.cloud.sagemaker.jobs.tuning.report import TRIALS, TuningReport, final_metrics
from kennel.cloud.sagemaker.jobs.tuning.request import training_request
from kennel.cloud.sagemaker.resources import arn_of

if TYPE_CHECKING:  # Optuna takes 0.3 s
    from kennel.cloud.sagemaker.jobs.tuning.search import Search, Trial

WATCH_SECONDS = 0.5  # between two reads of a running job's objective; real time
#: A tuning job is given up after so many failures without a success. Seen in public reports
#: (aws/amazon-sagemaker-examples issues 2436 and 2437); no page says so.
MAX_FAILURES = 5


@dataclass
class TuningRun:
    """The trials of one tuning job.

    Attributes
    ----------
    tuning
        The stored description of the tuning job.
    search
        Proposes hyperparameters.
    stopping
        Set when no more trials may start and the running ones must stop.
    """

    tuning: Json
    search: "Search"
    store: Store
    training: TrainingJobs
    report: TuningReport
    stopping: asyncio.Event

    @property
    def _name(self) -> str:
        return str(self.tuning["HyperParameterTuningJobName"])

    @property
    def _config(self) -> Json:
        config: Json = self.tuning["HyperParameterTuningJobConfig"]
        return config

    async def run(self) -> None:
        """Keep MaxParallelTrainingJobs trials running until one of the limits is reached."""
        limits = self._config["ResourceLimits"]
        running: set[asyncio.Task[None]] = set()
        started = 0
        try:
            while True:
                while (
                    len(running) < limits["MaxParallelTrainingJobs"]
                    and self._may_start(started, limits.get("MaxNumberOfTrainingJobs"))
                    and (trial := self.search.propose())
                ):
                    started += 1
                    running.add(asyncio.ensure_future(self._run_trial(trial, started)))
                if not running:
                    return
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            for task in running:
                task.cancel()

    def _may_start(self, started: int, limit: int | None) -> bool:
        return (
            (limit is None or started < limit)
            and not self.stopping.is_set()
            and not self.report.is_complete(self.tuning)
            and not self.report.only_failures(self.tuning, MAX_FAILURES)
        )

    async def _run_trial(self, trial: "Trial", number: int) -> None:
        """Run the training job of a trial and report its result to the search."""
        metric = self._config["HyperParameterTuningJobObjective"]["MetricName"]
        job_name = f"{self._name}-{number:03}-{uuid.uuid4().hex[:8]}"
        self._start_job(trial, job_name, metric)
        curve = await self._watch(trial, job_name, metric)
        description = await self.training.wait(job_name)
        status = description["TrainingJobStatus"]
        objective = None if status == "Failed" else final_metrics(description).get(metric)
        self.search.report(trial, objective, curve, stopped=status == "Stopped")

    def _start_job(self, trial: "Trial", job_name: str, metric: str) -> None:
        definition = self.tuning["TrainingJobDefinition"]
        hyperparameters = {
            **definition.get("StaticHyperParameters", {}),
            **trial.hyperparameters,
            "_tuning_objective_metric": metric,
        }
        tuning_arn = self.tuning["HyperParameterTuningJobArn"]
        request = training_request(definition, job_name, hyperparameters)
        self.training.start(request, TuningJobArn=tuning_arn)
        tags = self.store.get("tags", tuning_arn.lower()) or {}
        self.store.put("tags", arn_of(TRAINING, job_name), tags)
        trials = self.store.get(TRIALS, self._name) or {"jobs": []}
        trials["jobs"].append({"name": job_name, "tuned": trial.hyperparameters})
        self.store.put(TRIALS, self._name, trials)

    async def _watch(self, trial: "Trial", job_name: str, metric: str) -> list[float]:
        """Await the end of a training job, stop it where required, return its objectives."""
        ended = asyncio.ensure_future(self.training.wait(job_name))
        curve: list[float] = []
        stop_requested = False
        try:
            while not ended.done():
                await asyncio.wait({ended}, timeout=WATCH_SECONDS)
                curve = self.training.metric_values(job_name).get(metric, curve)
                prune = self.search.should_stop(trial, curve)
                if not stop_requested and (prune or self.stopping.is_set()):
                    stop_requested = True
                    with contextlib.suppress(ServiceError):  # the job has just ended
                        await self.training.stop_training_job({"TrainingJobName": job_name})
        finally:
            ended.cancel()
        return curve
