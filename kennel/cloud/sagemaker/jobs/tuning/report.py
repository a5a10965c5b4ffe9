"""What a tuning job has come to: its training jobs, their objectives, the best one."""

from collections import Counter

from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.jobs.training.record import KIND as TRAINING

KIND = "hyper-parameter-tuning-job"
TRIED = "tuning-jobs-training"  # in the store: names and hyperparameters of its training jobs

#: A training job's status -> the counter that it is in.
_COUNTED = {
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


class Report:
    """Reads the store; what is told is always of this moment."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def described(self, tuning: Json) -> Json:
        """Return what DescribeHyperParameterTuningJob answers."""
        jobs = self.jobs(tuning)
        states = Counter(_COUNTED[job["TrainingJobStatus"]] for job in jobs)
        objectives = Counter(job["ObjectiveStatus"] for job in jobs)
        told = tuning | {
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
            told["BestTrainingJob"] = best
        if parents := tuning.get("WarmStartConfig", {}).get("ParentHyperParameterTuningJobs"):
            for parent in [each["HyperParameterTuningJobName"] for each in parents]:
                if value := self._store.get(KIND, parent):
                    jobs += [job | {"TuningJobName": parent} for job in self.jobs(value)]
            if best := self._best(tuning, jobs):
                told["OverallBestTrainingJob"] = best
        return told

    def jobs(self, tuning: Json) -> list[Json]:
        """Return a HyperParameterTrainingJobSummary for each training job, oldest first."""
        name = tuning["HyperParameterTuningJobName"]
        kept = self._store.get(TRIED, name) or {"jobs": []}
        found = []
        for each in kept["jobs"]:
            if described := self._store.get(TRAINING, each["name"]):
                found.append(self._summary(tuning, described, each["tuned"]))
        return found

    def results(self, tuning: Json) -> list[tuple[dict[str, str], float]]:
        """Return (tuned hyperparameters, final objective) of the jobs that have one."""
        return [
            (job["TunedHyperParameters"], _objective(job))
            for job in self.jobs(tuning)
            if job["ObjectiveStatus"] == "Succeeded"
        ]

    def names(self, request: Json) -> set[str]:
        """Return the names of all hyperparameters, tuned or static."""
        ranges = request["HyperParameterTuningJobConfig"].get("ParameterRanges", {})
        tuned = {each["Name"] for kind in ranges.values() for each in kind}
        return tuned | set(request["TrainingJobDefinition"].get("StaticHyperParameters", {}))

    def is_enough(self, tuning: Json) -> bool:
        """Return whether a completion criterion is met."""
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
        most = criteria.get("BestObjectiveNotImproving", {}).get(
            "MaxNumberOfTrainingJobsNotImproving"
        )
        since = (
            len(jobs) - 1 - [job["TrainingJobName"] for job in jobs].index(best["TrainingJobName"])
        )
        return most is not None and since >= most

    def is_hopeless(self, tuning: Json, most_failures: int) -> bool:
        """Return whether so many training jobs have failed and none has succeeded."""
        states = Counter(job["ObjectiveStatus"] for job in self.jobs(tuning))
        return states["Failed"] >= most_failures and not states["Succeeded"]

    def _summary(self, tuning: Json, described: Json, tuned: dict[str, str]) -> Json:
        objective = tuning["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
        final = {
            each["MetricName"]: each["Value"] for each in described.get("FinalMetricDataList", [])
        }
        summary = {key: described[key] for key in _SUMMARY if key in described}
        summary |= {"TunedHyperParameters": tuned, "ObjectiveStatus": "Pending"}
        if described["TrainingJobStatus"] in {"Completed", "Stopped", "Failed"}:
            summary["ObjectiveStatus"] = "Failed"
            if objective["MetricName"] in final and described["TrainingJobStatus"] != "Failed":
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


def _minimizes(tuning: Json) -> bool:
    objective = tuning["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    return bool(objective["Type"] == "Minimize")


def _objective(job: Json) -> float:
    value: float = job["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
    return value
