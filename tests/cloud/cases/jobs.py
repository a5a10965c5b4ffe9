"""Cases of training, tuning and transform jobs."""

from typing import Any

from tests.cloud.conformance_case import API, GITHUB, GUIDE, Absent, Case, Like, Refused
from tests.kennel.cloud.sagemaker.jobs.scripts import IMAGE

_ARN = "arn:aws:sagemaker:us-east-1:123456789012:"
_METRIC = {"Name": "valid:loss", "Regex": "loss=([0-9.]+)"}


def training(**members: Any) -> dict[str, Any]:
    """Return a CreateTrainingJob request whose input data does not exist: the job fails."""
    return {
        "TrainingJobName": "$name",
        "RoleArn": "$role",
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [_METRIC],
        },
        "InputDataConfig": [_channel("train")],
        "OutputDataConfig": {"S3OutputPath": "s3://$bucket/models"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        **members,
    }


def _channel(name: str, **source: str) -> dict[str, Any]:
    where = {"S3DataType": "S3Prefix", "S3Uri": "s3://$bucket/batch/none/", **source}
    return {"ChannelName": name, "DataSource": {"S3DataSource": where}}


def tuning(**config: Any) -> dict[str, Any]:
    """Return a request whose definition is `training`'s."""
    definition = training(StaticHyperParameters={"epochs": "3"})
    del definition["TrainingJobName"]
    return {
        "HyperParameterTuningJobName": "$name",
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "valid:loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 1},
            "ParameterRanges": {"ContinuousParameterRanges": [_range("0", "1")]},
            **config,
        },
        "TrainingJobDefinition": definition,
    }


def _tuning_resources(**definition: Any) -> dict[str, Any]:
    """Return a tuning request with HyperParameterTuningResourceConfig; None removes a member."""
    request = tuning()
    request["TrainingJobDefinition"] |= definition | {
        "HyperParameterTuningResourceConfig": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeSizeInGB": 5,
        }
    }
    members = request["TrainingJobDefinition"].items()
    request["TrainingJobDefinition"] = {k: v for k, v in members if v is not None}
    return request


#: What the SageMaker SDK sends by default, and its like.
_WATCHED: dict[str, Any] = {
    "DebugHookConfig": {"S3OutputPath": "s3://$bucket/debug", "CollectionConfigurations": []},
    "ProfilerConfig": {"S3OutputPath": "s3://$bucket/profile", "DisableProfiler": False},
    "ExperimentConfig": {"ExperimentName": "dogs", "TrialName": "first"},
    "MlflowConfig": {
        "MlflowResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:mlflow-tracking-server/dogs"
    },
    "RetryStrategy": {"MaximumRetryAttempts": 2},
    "RemoteDebugConfig": {"EnableRemoteDebug": True},
    "InfraCheckConfig": {"EnableInfraCheck": True},
}


def _range(low: str, high: str, **more: str) -> dict[str, str]:
    return {"Name": "rate", "MinValue": low, "MaxValue": high, **more}


def _transform(**members: Any) -> dict[str, Any]:
    where = {"S3DataType": "S3Prefix", "S3Uri": "s3://$bucket/batch/none/"}
    return {
        "TransformJobName": "$name",
        "ModelName": "$name",
        "TransformInput": {"DataSource": {"S3DataSource": where}},
        "TransformOutput": {"S3OutputPath": "s3://$bucket/answers"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **members,
    }


_MODEL = (
    "sagemaker.create_model",
    {
        "ModelName": "$name",
        "PrimaryContainer": {"Image": "kennel/serving:offline", "ModelDataUrl": "s3://$bucket/x"},
        "ExecutionRoleArn": "$role",
    },
)

_TRAINING = [
    Case(
        "CreateTrainingJob answers the job's ARN",
        "sagemaker.create_training_job",
        training(),
        {"TrainingJobArn": _ARN + "training-job/$name"},
        API + "API_CreateTrainingJob.html",
    ),
    Case(
        "a new training job has the secondary status Starting",
        "sagemaker.describe_training_job",
        {"TrainingJobName": "$name"},
        {
            "TrainingJobName": "$name",
            "SecondaryStatusTransitions": Like(
                ".*'Status': 'Starting'.*Starting the training job.*"
            ),
            "ModelArtifacts": {"S3ModelArtifacts": "s3://$bucket/models/$name/output/model.tar.gz"},
            "Tags": Absent(),
        },
        API + "API_DescribeTrainingJob.html",
        before=(("sagemaker.create_training_job", training()),),
    ),
    Case(
        "a training job name that exists already is refused",
        "sagemaker.create_training_job",
        training(),
        Refused(
            "ResourceInUse",
            "Training job names must be unique within an AWS account and region, and a training "
            rf"job with this name already exists \({_ARN}training-job/$name\)",
        ),
        GITHUB + "aws/amazon-sagemaker-examples/pull/3108",
        before=(("sagemaker.create_training_job", training()),),
    ),
    Case(
        "describing a missing training job is an error",
        "sagemaker.describe_training_job",
        {"TrainingJobName": "none"},
        Refused("ValidationException", r"Requested resource not found\."),
        GITHUB + "aws/amazon-sagemaker-examples/issues/2360",
    ),
    Case(
        "missing input data fails the job with its prefix and role in the reason",
        "sagemaker.describe_training_job",
        {"TrainingJobName": "$name"},
        {
            "TrainingJobStatus": "Failed",
            "FailureReason": Like(
                'ClientError: Data download failed:No S3 objects found under S3 URL "s3://.+'
                r'/batch/none/" given in input data source\. .+"s3:ListBucket" permissions.+'
            ),
        },
        GITHUB + "aws/amazon-sagemaker-examples/issues/2489",
        before=(("sagemaker.create_training_job", training()),),
        eventually=True,
    ),
    Case(
        "input data that the role is not allowed to list fails the job",
        "sagemaker.describe_training_job",
        {"TrainingJobName": "$name"},
        {
            "TrainingJobStatus": "Failed",
            "FailureReason": Like("ClientError: Data download failed:AccessDenied.+"),
        },
        GUIDE + "sagemaker-roles.html",
        before=(
            (
                "sagemaker.create_training_job",
                training(InputDataConfig=[_channel("train", S3Uri="s3://$bucket/secret/")]),
            ),
        ),
        eventually=True,
    ),
    Case(
        "an image that cannot be pulled fails the training job",
        "sagemaker.describe_training_job",
        {"TrainingJobName": "$name"},
        {
            "TrainingJobStatus": "Failed",
            "FailureReason": Like(
                r"ClientError: Cannot pull algorithm container\. Either the image does not exist "
                r"or its permissions are incorrect\. Offline, .+ cannot run: .+"
            ),
        },
        GITHUB + "aws/sagemaker-python-sdk/issues/1968",
        before=(
            (
                "sagemaker.create_training_job",
                training(
                    AlgorithmSpecification={
                        "TrainingImage": "public.example/x:1",
                        "TrainingInputMode": "File",
                    }
                ),
            ),
        ),
        eventually=True,
    ),
    Case(
        "stopping a stopped training job is refused",
        "sagemaker.stop_training_job",
        {"TrainingJobName": "$name"},
        Refused(
            "ValidationException",
            r"The request was rejected because the training job is in status Stopp(ed|ing)\.",
        ),
        GITHUB + "awslabs/benchmark-ai/issues/928",
        before=(
            ("sagemaker.create_training_job", training()),
            ("sagemaker.stop_training_job", {"TrainingJobName": "$name"}),
        ),
    ),
    Case(
        "a role that SageMaker cannot assume is refused",
        "sagemaker.create_training_job",
        training(RoleArn="arn:aws:iam::123456789012:role/nobody"),
        Refused(
            "ValidationException",
            "Could not assume role arn:aws:iam::123456789012:role/nobody. Please ensure that the "
            r"role exists and allows principal 'sagemaker\.amazonaws\.com' to assume the role\.",
        ),
        GITHUB + "awslabs/predictive-maintenance-using-machine-learning/issues/3",
    ),
    Case(
        "a spot job without MaxWaitTimeInSeconds is refused",
        "sagemaker.create_training_job",
        training(EnableManagedSpotTraining=True),
        Refused(
            "ValidationException",
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to "
            "MaxRuntimeInSeconds",
        ),
        API + "API_StoppingCondition.html",
    ),
    Case(
        "MaxWaitTimeInSeconds without spot training is refused",
        "sagemaker.create_training_job",
        training(StoppingCondition={"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}),
        Refused(
            "ValidationException",
            "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is "
            "set to true",
        ),
        GITHUB + "Kenza-AI/sagify/issues/111",
    ),
    Case(
        "MaxRuntimeInSeconds over 28 days is refused",
        "sagemaker.create_training_job",
        training(StoppingCondition={"MaxRuntimeInSeconds": 28 * 86400 + 1}),
        Refused("ValidationException", "MaxRuntimeInSeconds must be less than or equal to .+"),
        API + "API_StoppingCondition.html",
    ),
    Case(
        "two channels of the same name are refused",
        "sagemaker.create_training_job",
        training(InputDataConfig=[_channel("train"), _channel("train")]),
        Refused("ValidationException", "Duplicate channel names .+"),
        API + "API_Channel.html",
    ),
    Case(
        "a training job of 0 instances is refused",
        "sagemaker.create_training_job",
        training(ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 0}),
        Refused("ValidationException", ".*InstanceCount must be greater than or equal to 1.*"),
        API + "API_ResourceConfig.html",
    ),
    Case(
        "a metric's regular expression without a group is refused",
        "sagemaker.create_training_job",
        training(
            AlgorithmSpecification={
                "TrainingImage": IMAGE,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "loss", "Regex": "loss=[0-9]+"}],
            }
        ),
        Refused("ValidationException", ".+ has no capturing group."),
        GUIDE + "define-train-metrics.html",
    ),
    Case(
        "input mode Pipe is not emulated",
        "sagemaker.create_training_job",
        training(
            AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "Pipe"},
        ),
        Refused("NotImplementedOffline", ".+ input mode Pipe of CreateTrainingJob", 501),
        API + "API_AlgorithmSpecification.html",
    ),
    Case(
        "what only watches or places a training job is described",
        "sagemaker.describe_training_job",
        {"TrainingJobName": "$name"},
        _WATCHED | {"SessionChainingConfig": Absent()},
        API + "API_DescribeTrainingJob.html",
        before=(
            (
                "sagemaker.create_training_job",
                training(**_WATCHED, SessionChainingConfig={"EnableSessionTagChaining": True}),
            ),
        ),
    ),
    Case(
        "what a training job's request leaves out is described with the service's defaults",
        "sagemaker.describe_training_job",
        {"TrainingJobName": "$name"},
        {
            "OutputDataConfig": {"KmsKeyId": "", "CompressionType": "GZIP"},
            "EnableNetworkIsolation": False,
            "EnableInterContainerTrafficEncryption": False,
            "EnableManagedSpotTraining": False,
        },
        GITHUB + "aws/sagemaker-python-sdk/blob/v2.257.0/src/sagemaker/estimator.py",
        before=(("sagemaker.create_training_job", training()),),
    ),
]

_TUNING = [
    Case(
        "a tuning job's own resource configuration stands for its training jobs'",
        "sagemaker.create_hyper_parameter_tuning_job",
        _tuning_resources(ResourceConfig=None),
        {"HyperParameterTuningJobArn": Like("arn:.+")},
        API + "API_HyperParameterTuningResourceConfig.html",
    ),
    Case(
        "a tuning job has one of the two resource configurations",
        "sagemaker.create_hyper_parameter_tuning_job",
        _tuning_resources(),
        Refused("ValidationException", ".+ cannot be specified together."),
        API + "API_HyperParameterTrainingJobDefinition.html",
    ),
    Case(
        "describing a missing tuning job is an error",
        "sagemaker.describe_hyper_parameter_tuning_job",
        {"HyperParameterTuningJobName": "none"},
        Refused(
            "ResourceNotFound",
            r"Amazon SageMaker can't find a tuning job called none\. Type another name\.",
        ),
        GITHUB + "aws/amazon-sagemaker-examples/issues/1540",
    ),
    Case(
        "a tuning job name that exists already is refused",
        "sagemaker.create_hyper_parameter_tuning_job",
        tuning(),
        Refused(
            "ResourceInUse",
            r"A hyperparameter tuning job with the name, $name, already exists\. Choose a "
            r"different name\.",
        ),
        GITHUB + "aws/amazon-sagemaker-examples/pull/3092",
        before=(("sagemaker.create_hyper_parameter_tuning_job", tuning()),),
    ),
    Case(
        "a tuning job fails when all its training jobs fail",
        "sagemaker.describe_hyper_parameter_tuning_job",
        {"HyperParameterTuningJobName": "$name"},
        {
            "HyperParameterTuningJobStatus": "Failed",
            "FailureReason": Like(
                r"No training job succeeded after 2 attempts\. Please take a look at the training "
                r"job failures to get more details\."
            ),
            "TrainingJobStatusCounters": {"Completed": 0, "NonRetryableError": 2},
            "ObjectiveStatusCounters": {"Succeeded": 0, "Pending": 0, "Failed": 2},
            "BestTrainingJob": Absent(),
        },
        GITHUB + "aws/amazon-sagemaker-examples/issues/2437",
        before=(("sagemaker.create_hyper_parameter_tuning_job", tuning()),),
        eventually=True,
    ),
    Case(
        "an objective without a metric definition is refused",
        "sagemaker.create_hyper_parameter_tuning_job",
        tuning(
            HyperParameterTuningJobObjective={"Type": "Maximize", "MetricName": "valid:accuracy"}
        ),
        Refused(
            "ValidationException",
            r"A metric is required for this hyperparameter tuning job objective\. Provide a "
            r"metric in the metric definitions\.",
        ),
        GITHUB + "aws/amazon-sagemaker-examples/issues/1207",
    ),
    Case(
        "more training jobs than hyperparameter combinations are refused",
        "sagemaker.create_hyper_parameter_tuning_job",
        tuning(
            ResourceLimits={"MaxNumberOfTrainingJobs": 10, "MaxParallelTrainingJobs": 1},
            ParameterRanges={"IntegerParameterRanges": [_range("1", "3")]},
        ),
        Refused(
            "ValidationException",
            r"You don't have enough combinations of hyperparameter ranges\. The total number of "
            r"hyperparameter combinations for the provided ranges \[3\.0\] must be equal or "
            r"greater than the value of MaxNumberOfJobs, \[10\]\. Provide additional ranges\.",
        ),
        GITHUB + "aws/amazon-sagemaker-operator-for-k8s/issues/123",
    ),
    Case(
        "more parallel training jobs than training jobs are refused",
        "sagemaker.create_hyper_parameter_tuning_job",
        tuning(ResourceLimits={"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 2}),
        Refused("ValidationException", "MaxParallelTrainingJobs .+"),
        API + "API_ResourceLimits.html",
    ),
    Case(
        "a logarithmic range from 0 is refused",
        "sagemaker.create_hyper_parameter_tuning_job",
        tuning(
            ParameterRanges={
                "ContinuousParameterRanges": [_range("0", "1", ScalingType="Logarithmic")]
            }
        ),
        Refused("ValidationException", "Logarithmic scaling .+ greater than 0.+?"),
        GUIDE + "automatic-model-tuning-define-ranges.html",
    ),
    Case(
        "a reverse logarithmic range up to 1 is refused",
        "sagemaker.create_hyper_parameter_tuning_job",
        tuning(
            ParameterRanges={
                "ContinuousParameterRanges": [_range("0", "1", ScalingType="ReverseLogarithmic")]
            }
        ),
        Refused("ValidationException", "ReverseLogarithmic scaling .+"),
        GUIDE + "automatic-model-tuning-define-ranges.html",
    ),
    Case(
        "a range whose minimum is above its maximum is refused",
        "sagemaker.create_hyper_parameter_tuning_job",
        tuning(ParameterRanges={"ContinuousParameterRanges": [_range("1", "0.1")]}),
        Refused("ValidationException", "MinValue must be less than MaxValue .+"),
        API + "API_ContinuousParameterRange.html",
    ),
    Case(
        "the strategy Grid with a numeric range is refused",
        "sagemaker.create_hyper_parameter_tuning_job",
        tuning(Strategy="Grid"),
        Refused("ValidationException", "The strategy Grid takes categorical ranges only.+"),
        GUIDE + "automatic-model-tuning-how-it-works.html",
    ),
    Case(
        "early stopping with the strategy Hyperband is refused",
        "sagemaker.create_hyper_parameter_tuning_job",
        tuning(Strategy="Hyperband", TrainingJobEarlyStoppingType="Auto"),
        Refused("ValidationException", "TrainingJobEarlyStoppingType must be Off .+"),
        API + "API_HyperParameterTuningJobConfig.html",
    ),
    Case(
        "a hyperparameter that is both tuned and static is refused",
        "sagemaker.create_hyper_parameter_tuning_job",
        tuning(
            ParameterRanges={
                "IntegerParameterRanges": [{"Name": "epochs", "MinValue": "1", "MaxValue": "9"}]
            }
        ),
        Refused("ValidationException", r".+ both tunable and static: \[epochs\]\."),
        API + "API_HyperParameterTrainingJobDefinition.html",
    ),
    Case(
        "a warm start from a missing parent is refused",
        "sagemaker.create_hyper_parameter_tuning_job",
        {
            **tuning(),
            "WarmStartConfig": {
                "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "none"}],
                "WarmStartType": "TransferLearning",
            },
        },
        Refused("ResourceNotFound", ".+can't find a tuning job called none.+"),
        GUIDE + "automatic-model-tuning-warm-start.html",
    ),
]

_TRANSFORM = [
    Case(
        "a transform job of a missing model is refused",
        "sagemaker.create_transform_job",
        _transform(),
        Refused("ValidationException", rf'Could not find model "{_ARN}model/$name"\.'),
        API + "API_CreateTransformJob.html",
    ),
    Case(
        "a transform job without input objects fails",
        "sagemaker.describe_transform_job",
        {"TransformJobName": "$name"},
        {"TransformJobStatus": "Failed", "FailureReason": Like(".*No S3 objects found.*")},
        API + "API_DescribeTransformJob.html",
        before=(_MODEL, ("sagemaker.create_transform_job", _transform())),
        eventually=True,
    ),
    Case(
        "stopping a missing transform job is an error",
        "sagemaker.stop_transform_job",
        {"TransformJobName": "none"},
        Refused("ValidationException", r"Requested resource not found\."),
        API + "API_StopTransformJob.html",
    ),
    Case(
        "concurrent payloads over 100 MB are refused",
        "sagemaker.create_transform_job",
        _transform(MaxPayloadInMB=60, MaxConcurrentTransforms=2),
        Refused("ValidationException", ".+ must not exceed 100 MB."),
        API + "API_CreateTransformJob.html",
    ),
]

CASES = [*_TRAINING, *_TUNING, *_TRANSFORM]
