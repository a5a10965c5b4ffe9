"""Cases of malformed requests, which the service's model refuses."""

from tests.cloud.conformance_case import API, GITHUB, Case, Refused

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
        "a job name with an underscore is refused",
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
        "a job name of 64 characters breaks two constraints",
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
        "a missing required member is refused",
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
        "a missing required member of a nested structure is refused",
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
        "an unknown instance type is refused",
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
        "an instance type for endpoints is refused for a transform job",
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
        "a number below its minimum is refused",
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
        "a list that is too short is refused by its name",
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
        "an invalid list item is numbered from 1",
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
        "a role that is not an ARN is refused",
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
        "a hyperparameter that is not a string is refused",
        "sagemaker.create_training_job",
        _job(HyperParameters={"epochs": 3}),
        Refused("SerializationException", "(?s).*Invalid type for parameter HyperParameters.*"),
        "botocore: HyperParameters",
    ),
    Case(
        "a tuning job name of 33 characters is refused",
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
        "an unknown tuning strategy is refused",
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
        "a page size of 101 is refused",
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
        "a page size of 10 is refused for tags",
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
        "an action that is not emulated is named in its error",
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
