"""Report the progress of a tuning job: its training jobs, their objectives, the best one."""

from collections import Counter

from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.jobs.training.record import KIND as TRAINING

KIND = "hyper-parameter-tuning-job"
TRIALS = "tuning-jobs-training"  # kind in the store: names and hyperparameters of the trials

#: TrainingJobStatus -> its counter in TrainingJobStatusCounters.
_COUNTERS = {
    "Completed": "Completed",
    "InProgress": "InProgress",
    "Stopping": "InProgress",
    "Stopped": "Stopped",
    "Failed": "NonRetryableError",
}
_SUMMARY = (
    "TrainingJobName",
    "TrainingJobArn",
    "CreationTime",
    "TrainingStartTime",
    "TrainingEndTime",
    "TrainingJobStatus",
    "FailureReason",
)


class TuningReport:
    """Reads the present state of tuning jobs and their training jobs from the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def describe(self, tuning: Json) -> Json:
        """Return what DescribeHyperParameterTuningJob answers."""
        jobs = self.jobs(tuning)
        states = Counter(_COUNTERS[job["TrainingJobStatus"]] for job in jobs)
        objectives = Counter(job["ObjectiveStatus"] for job in jobs)
        description = tuning | {
            "TrainingJobStatusCounters": {
                name: states[name]
                for name in (
                    "Completed",
                    "InProgress",
                    "RetryableError",
                    "NonRetryableError",
                    "Stopped",
                )
            },
            "ObjectiveStatusCounters": {
                name: objectives[name] for name in ("Succeeded", "Pending", "Failed")
            },
        }
        if best := self._best(tuning, jobs):
            description["BestTrainingJob"] = best
        if parents := tuning.get("WarmStartConfig", {}).get("ParentHyperParameterTuningJobs"):
            for parent in [each["HyperParameterTuningJobName"] for each in parents]:
                if value := self._store.get(KIND, parent):
                    jobs += [job | {"TuningJobName": parent} for job in self.jobs(value)]
            if best := self._best(tuning, jobs):
                description["OverallBestTrainingJob"] = best
        return description

    def jobs(self, tuning: Json) -> list[Json]:
        """Return a HyperParameterTrainingJobSummary for each training job, oldest first."""
        name = tuning["HyperParameterTuningJobName"]
        trials = self._store.get(TRIALS, name) or {"jobs": []}
        return [
            self._summary(tuning, training, trial["tuned"])
            for trial in trials["jobs"]
            if (training := self._store.get(TRAINING, trial["name"]))
        ]

    def results(self, tuning: Json) -> list[tuple[dict[str, str], float]]:
        """Return (tuned hyperparameters, final objective) of the training jobs that have one."""
        return [
            (job["TunedHyperParameters"], _objective(job))
            for job in self.jobs(tuning)
            if job["ObjectiveStatus"] == "Succeeded"
        ]

    def names(self, request: Json) -> set[str]:
        """Return the names of all hyperparameters of a request, tuned or static."""
        ranges = request["HyperParameterTuningJobConfig"].get("ParameterRanges", {})
        tuned = {each["Name"] for kind in ranges.values() for each in kind}
        return tuned | set(request["TrainingJobDefinition"].get("StaticHyperParameters", {}))

    def is_complete(self, tuning: Json) -> bool:
        """Return whether one of TuningJobCompletionCriteria is met."""
        criteria = tuning["HyperParameterTuningJobConfig"].get("TuningJobCompletionCriteria", {})
        jobs = [job for job in self.jobs(tuning) if job["ObjectiveStatus"] == "Succeeded"]
        best = self._best(tuning, jobs)
        if best is None:
            return False
        target = criteria.get("TargetObjectiveMetricValue")
        if target is not None:
            value = _objective(best)
            if value <= target if _minimizes(tuning) else value >= target:
                return True
        limit = criteria.get("BestObjectiveNotImproving", {}).get(
            "MaxNumberOfTrainingJobsNotImproving"
        )
        jobs_since_best = len(jobs) - 1 - jobs.index(best)
        return limit is not None and jobs_since_best >= limit

    def only_failures(self, tuning: Json, limit: int) -> bool:
        """Return whether at least `limit` training jobs have failed and none has succeeded."""
        states = Counter(job["ObjectiveStatus"] for job in self.jobs(tuning))
        return states["Failed"] >= limit and not states["Succeeded"]

    def _summary(self, tuning: Json, training: Json, tuned: dict[str, str]) -> Json:
        objective = tuning["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
        final = final_metrics(training)
        summary = {key: training[key] for key in _SUMMARY if key in training}
        summary |= {"TunedHyperParameters": tuned, "ObjectiveStatus": "Pending"}
        if training["TrainingJobStatus"] in {"Completed", "Stopped", "Failed"}:
            summary["ObjectiveStatus"] = "Failed"
            if objective["MetricName"] in final and training["TrainingJobStatus"] != "Failed":
                summary |= {
                    "ObjectiveStatus": "Succeeded",
                    "FinalHyperParameterTuningJobObjectiveMetric": {
                        "Type": objective["Type"],
                        "MetricName": objective["MetricName"],
                        "Value": final[objective["MetricName"]],
                    },
                }
        return summary

    def _best(self, tuning: Json, jobs: list[Json]) -> Json | None:
        done = [
            job
            for job in jobs
            if job["ObjectiveStatus"] == "Succeeded" and job["TrainingJobStatus"] == "Completed"
        ]
        if not done:
            return None
        return min(done, key=_objective) if _minimizes(tuning) else max(done, key=_objective)


def final_metrics(training: Json) -> dict[str, float]:
    """Return the final value of each metric of a training job, by name."""
    return {each["MetricName"]: each["Value"] for each in training.get("FinalMetricDataList", [])}


def _minimizes(tuning: Json) -> bool:
    objective = tuning["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    return bool(objective["Type"] == "Minimize")


def _objective(job: Json) -> float:
    value: float = job["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
    return value
