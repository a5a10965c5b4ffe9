"""A training job as DescribeTrainingJob tells it: its states, their times and its end."""

from collections.abc import Callable

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.jobs.s3_sync import join
from kennel.cloud.sagemaker.resources import arn_of

KIND = "training-job"
MOST_REASON = 1024  # characters of a FailureReason

#: Told of each change of state, as EventBridge is: (detail type, source, detail, resources).
Publish = Callable[[str, str, Json, list[str]], None]


def tell_nobody(detail_type: str, source: str, detail: Json, resources: list[str]) -> None:
    """Where no event bus listens."""


#: The service's own words for each secondary status.
_MESSAGES = {
    "Starting": "Starting the training job",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopping": "Stopping the training job",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}
_STATUS = {
    "Completed": "Completed",
    "Failed": "Failed",
    "Stopping": "Stopping",
    "Stopped": "Stopped",
    "MaxRuntimeExceeded": "Stopped",
}
ENDED = {"Completed", "Failed", "Stopped"}

INTERRUPTED = (
    "InternalServerError: the offline cloud ended while the job was in progress. Please try again."
)


class Record:
    """One job's description, kept in the store at each change."""

    def __init__(self, store: Store, clock: Clock, publish: Publish, value: Json) -> None:
        self._store = store
        self._clock = clock
        self._publish = publish
        self.value = value

    @classmethod
    def new(cls, store: Store, clock: Clock, publish: Publish, request: Json) -> "Record":
        """Begin the description of a job that `request` asks for."""
        name = request["TrainingJobName"]
        kept = {key: value for key, value in request.items() if key != "Tags"}
        artifact = join(request["OutputDataConfig"]["S3OutputPath"], name, "output", "model.tar.gz")
        record = cls(
            store,
            clock,
            publish,
            {
                **kept,
                "TrainingJobArn": arn_of(KIND, name),
                "ModelArtifacts": {"S3ModelArtifacts": artifact},
                "CreationTime": clock.now(),
                "SecondaryStatusTransitions": [],
            },
        )
        record.enter("Starting")
        return record

    @property
    def status(self) -> str:
        """InProgress, Stopping, or one of ENDED."""
        return str(self.value["TrainingJobStatus"])

    def enter(self, secondary: str, reason: str = "") -> None:
        """Enter a secondary status, and the status that it belongs to.

        Parameters
        ----------
        reason
            FailureReason; cut as the service cuts it.
        """
        now = self._clock.now()
        status = _STATUS.get(secondary, self.value.get("TrainingJobStatus", "InProgress"))
        transitions = self.value["SecondaryStatusTransitions"]
        if transitions:
            transitions[-1]["EndTime"] = now
        message = _MESSAGES[secondary]
        transitions.append({"Status": secondary, "StartTime": now, "StatusMessage": message})
        self.value |= {
            "TrainingJobStatus": status,
            "SecondaryStatus": secondary,
            "LastModifiedTime": now,
        }
        if secondary == "Downloading":  # from here on an instance is paid for
            self.value["TrainingStartTime"] = now
        if reason:
            self.value["FailureReason"] = reason[:MOST_REASON]
        if status in ENDED:
            transitions[-1]["EndTime"] = now
            self._end(now)
        self.keep()
        self._tell()

    def keep(self) -> None:
        """Write the description to the store."""
        self._store.put(KIND, self.value["TrainingJobName"], self.value)

    def _tell(self) -> None:
        # EventBridge has the description with times in milliseconds.
        detail = {
            key: round(value * 1000) if key.endswith("Time") else value
            for key, value in self.value.items()
        }
        self._publish(
            "SageMaker Training Job State Change",
            "aws.sagemaker",
            detail,
            [self.value["TrainingJobArn"]],
        )

    def _end(self, now: float) -> None:
        self.value["TrainingEndTime"] = now
        if started := self.value.get("TrainingStartTime"):
            seconds = max(1, round(now - started))
            self.value |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}


def fail_interrupted(store: Store, clock: Clock) -> None:
    """Fail the jobs that were in progress when the cloud ended: their processes are gone."""
    for value in store.all(KIND):
        if value["TrainingJobStatus"] not in ENDED:
            Record(store, clock, tell_nobody, value).enter("Failed", INTERRUPTED)
