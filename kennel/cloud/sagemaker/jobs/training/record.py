"""Keep the description of a training job: its states, their times and its end."""

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.jobs.s3_sync import join
from kennel.cloud.sagemaker.jobs.states import (
    ENDED,
    INTERRUPTED,
    MAX_REASON,
    Publish,
    discard_event,
)
from kennel.cloud.sagemaker.resources import arn_of
from kennel.cloud.sagemaker.shapes import MODEL

KIND = "training-job"
#: Not every member of a request is described: tags are not, nor is SessionChainingConfig.
_DESCRIBED = MODEL.operation_model("DescribeTrainingJob").output_shape.members

#: What the service describes where a request says nothing; clients read these members unasked.
_DEFAULTS: Json = {
    "EnableNetworkIsolation": False,
    "EnableInterContainerTrafficEncryption": False,
    "EnableManagedSpotTraining": False,
}
_OUTPUT_DEFAULTS = {"KmsKeyId": "", "CompressionType": "GZIP"}
_CHANNEL_DEFAULTS = {"CompressionType": "None", "RecordWrapperType": "None"}

#: Secondary status -> StatusMessage.
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
#: Secondary status -> TrainingJobStatus, where it changes.
_STATUS = {
    "Completed": "Completed",
    "Failed": "Failed",
    "Stopping": "Stopping",
    "Stopped": "Stopped",
    "MaxRuntimeExceeded": "Stopped",
}


class TrainingRecord:
    """The description of one training job, stored and published at each change.

    Attributes
    ----------
    value
        What DescribeTrainingJob answers.
    """

    def __init__(self, store: Store, clock: Clock, publish: Publish, value: Json) -> None:
        self._store = store
        self._clock = clock
        self._publish = publish
        self.value = value

    @classmethod
    def new(cls, store: Store, clock: Clock, publish: Publish, request: Json) -> "TrainingRecord":
        """Create the record of a new job, in the status Starting.

        Parameters
        ----------
        request
            CreateTrainingJob's, with further members of the description.
        """
        name = request["TrainingJobName"]
        members = _DEFAULTS | {k: v for k, v in request.items() if k in _DESCRIBED}
        members["OutputDataConfig"] = _OUTPUT_DEFAULTS | request["OutputDataConfig"]
        if channels := request.get("InputDataConfig"):
            members["InputDataConfig"] = [_CHANNEL_DEFAULTS | each for each in channels]
        artifact = join(request["OutputDataConfig"]["S3OutputPath"], name, "output", "model.tar.gz")
        record = cls(
            store,
            clock,
            publish,
            {
                **members,
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
        """TrainingJobStatus: InProgress, Stopping, or one of ENDED."""
        return str(self.value["TrainingJobStatus"])

    def enter(self, secondary: str, reason: str = "") -> None:
        """Set the secondary status, and the status that it belongs to.

        Parameters
        ----------
        reason
            FailureReason; longer ones are cut, as the service does.
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
        if secondary == "Downloading":  # billing starts here
            self.value["TrainingStartTime"] = now
        if reason:
            self.value["FailureReason"] = reason[:MAX_REASON]
        if status in ENDED:
            transitions[-1]["EndTime"] = now
            self._set_end(now)
        self._save()
        self._publish_change()

    def _save(self) -> None:
        self._store.put(KIND, self.value["TrainingJobName"], self.value)

    def _publish_change(self) -> None:
        # EventBridge has times in milliseconds.
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

    def _set_end(self, now: float) -> None:
        self.value["TrainingEndTime"] = now
        if started := self.value.get("TrainingStartTime"):
            seconds = max(1, round(now - started))
            self.value |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}


def fail_interrupted(store: Store, clock: Clock) -> None:
    """Fail the jobs that were in progress when the cloud ended."""
    for value in store.all(KIND):
        if value["TrainingJobStatus"] not in ENDED:
            TrainingRecord(store, clock, discard_event, value).enter("Failed", INTERRUPTED)
