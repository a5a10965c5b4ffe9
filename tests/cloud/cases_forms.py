"""The form of requests: what the service's model says and botocore's own check does not know."""

from tests.cloud.case import API, GITHUB, Case, Refused

_ONE = "1 validation error detected: "
_NAME = r"\[a-zA-Z0-9\]\(-\*\[a-zA-Z0-9\]\)\{0,62\}"


def _job(**members: object) -> dict[str, object]:
    return {
        "TrainingJobName": "$name",
        "RoleArn": "$role",
        "OutputDataConfig": {"S3OutputPath": "s3://$bucket/models"},
        **members,
    }


CASES = [
    Case(
        "an underscore in a job's name",
        "sagemaker.create_training_job",
        _job(TrainingJobName="dogs_1"),
        Refused(
            "ValidationException",
            _ONE + "Value 'dogs_1' at 'trainingJobName' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {_NAME}",
        ),
        GITHUB + "aws/sagemaker-python-sdk/issues/384",
    ),
    Case(
        "a job's name of 64 characters breaks two rules",
        "sagemaker.create_training_job",
        _job(TrainingJobName="d" * 64),
        Refused(
            "ValidationException",
            f"2 validation errors detected: Value '{'d' * 64}' at 'trainingJobName' failed to "
            "satisfy constraint: Member must have length less than or equal to 63; "
            f"Value '{'d' * 64}' at 'trainingJobName' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {_NAME}",
        ),
        GITHUB + "zenml-io/zenml/issues/1502",
    ),
    Case(
        "a missing member",
        "sagemaker.create_training_job",
        {"TrainingJobName": "$name", "RoleArn": "$role"},
        Refused(
            "ValidationException",
            _ONE + "Value null at 'outputDataConfig' failed to satisfy constraint: "
            "Member must not be null",
        ),
        "botocore: CreateTrainingJobRequest",
    ),
    Case(
        "a missing member of a member",
        "sagemaker.create_training_job",
        _job(OutputDataConfig={}),
        Refused(
            "ValidationException",
            _ONE + "Value null at 'outputDataConfig.s3OutputPath' failed to satisfy constraint: "
            "Member must not be null",
        ),
        "botocore: OutputDataConfig",
    ),
    Case(
        "an instance type that does not exist",
        "sagemaker.create_training_job",
        _job(ResourceConfig={"InstanceType": "ml.big", "InstanceCount": 1}),
        Refused(
            "ValidationException",
            _ONE + "Value 'ml.big' at 'resourceConfig.instanceType' failed to satisfy "
            r"constraint: Member must satisfy enum value set: \[ml\..+\]",
        ),
        "botocore: TrainingInstanceType",
    ),
    Case(
        "an instance type that hosts endpoints and transforms nothing",
        "sagemaker.create_transform_job",
        {
            "TransformJobName": "$name",
            "ModelName": "none",
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}}
            },
            "TransformOutput": {"S3OutputPath": "s3://b/out"},
            "TransformResources": {"InstanceType": "ml.c5.large", "InstanceCount": 1},
        },
        Refused(
            "ValidationException",
            _ONE + "Value 'ml.c5.large' at 'transformResources.instanceType' failed to satisfy "
            r"constraint: Member must satisfy enum value set: \[.+\]",
        ),
        "botocore: TransformInstanceType",
    ),
    Case(
        "a number below its least",
        "sagemaker.create_training_job",
        _job(StoppingCondition={"MaxRuntimeInSeconds": 0}),
        Refused(
            "ValidationException",
            _ONE + "Value '0' at 'stoppingCondition.maxRuntimeInSeconds' failed to satisfy "
            "constraint: Member must have value greater than or equal to 1",
        ),
        "botocore: MaxRuntimeInSeconds",
    ),
    Case(
        "a list that is too short says which",
        "sagemaker.create_training_job",
        _job(InputDataConfig=[]),
        Refused(
            "ValidationException",
            _ONE + r"Value '\[\]' at 'inputDataConfig' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1",
        ),
        "botocore: InputDataConfig",
    ),
    Case(
        "an item of a list is counted from one",
        "sagemaker.create_training_job",
        _job(InputDataConfig=[{"ChannelName": "no spaces", "DataSource": {}}]),
        Refused(
            "ValidationException",
            _ONE + "Value 'no spaces' at 'inputDataConfig.1.member.channelName' failed to satisfy "
            "constraint: Member must satisfy regular expression pattern: .+",
        ),
        "botocore: ChannelName",
    ),
    Case(
        "a role that is no ARN",
        "sagemaker.create_training_job",
        _job(RoleArn="AmazonSageMaker-ExecutionRole"),
        Refused(
            "ValidationException",
            _ONE + "Value 'AmazonSageMaker-ExecutionRole' at 'roleArn' failed to satisfy "
            "constraint: Member must satisfy regular expression pattern: .+",
        ),
        GITHUB + "aws/amazon-sagemaker-examples/issues/4843",
    ),
    Case(
        "a hyperparameter that is no text",
        "sagemaker.create_training_job",
        _job(HyperParameters={"epochs": 3}),
        Refused("SerializationException", "(?s).*Invalid type for parameter HyperParameters.*"),
        "botocore: HyperParameters",
    ),
    Case(
        "a tuning job's name of 33 characters",
        "sagemaker.create_hyper_parameter_tuning_job",
        {
            "HyperParameterTuningJobName": "t" * 33,
            "HyperParameterTuningJobConfig": {
                "Strategy": "Random",
                "ResourceLimits": {"MaxParallelTrainingJobs": 1},
            },
        },
        Refused(
            "ValidationException",
            f"2 validation errors detected: Value '{'t' * 33}' at 'hyperParameterTuningJobName' "
            "failed to satisfy constraint: Member must have length less than or equal to 32; .+",
        ),
        API + "API_CreateHyperParameterTuningJob.html",
    ),
    Case(
        "a strategy that does not exist",
        "sagemaker.create_hyper_parameter_tuning_job",
        {
            "HyperParameterTuningJobName": "$name",
            "HyperParameterTuningJobConfig": {
                "Strategy": "Genetic",
                "ResourceLimits": {"MaxParallelTrainingJobs": 1},
            },
        },
        Refused(
            "ValidationException",
            _ONE + "Value 'Genetic' at 'hyperParameterTuningJobConfig.strategy' failed to satisfy "
            r"constraint: Member must satisfy enum value set: \[.*Bayesian.*\]",
        ),
        "botocore: HyperParameterTuningJobStrategyType",
    ),
    Case(
        "a page of 101 items",
        "sagemaker.list_training_jobs",
        {"MaxResults": 101},
        Refused(
            "ValidationException",
            _ONE + "Value '101' at 'maxResults' failed to satisfy constraint: "
            "Member must have value less than or equal to 100",
        ),
        "botocore: MaxResults",
    ),
    Case(
        "a page of fewer than 50 tags",
        "sagemaker.list_tags",
        {"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:model/x", "MaxResults": 10},
        Refused(
            "ValidationException",
            _ONE + "Value '10' at 'maxResults' failed to satisfy constraint: "
            "Member must have value greater than or equal to 50",
        ),
        "botocore: ListTagsMaxResults",
    ),
    Case(
        "an action that is not emulated",
        "sagemaker.list_notebook_instances",
        {},
        Refused(
            "NotImplementedOffline",
            "the offline cloud does not emulate sagemaker:ListNotebookInstances",
            501,
        ),
        "botocore: ListNotebookInstancesInput",
    ),
]
