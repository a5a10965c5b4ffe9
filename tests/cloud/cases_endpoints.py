"""Models, configurations, endpoints, invocations and scaling."""

from typing import Any

from kennel.demo import samples
from tests.cloud.case import API, GITHUB, GUIDE, Absent, Case, Like, Refused, Request

_ARN = "arn:aws:sagemaker:us-east-1:123456789012:"
_IMAGE = "kennel/serving:offline"
_SCALING = "https://docs.aws.amazon.com/autoscaling/application/"
_VARIANT = {
    "VariantName": "AllTraffic",
    "InitialInstanceCount": 1,
    "InstanceType": "ml.c5.large",
}


def _model(name: str = "$name", image: str = _IMAGE) -> tuple[str, Request]:
    container = {"Image": image, "ModelDataUrl": "s3://$bucket/cases/model.tar.gz"}
    request = {"ModelName": name, "PrimaryContainer": container, "ExecutionRoleArn": "$role"}
    return "sagemaker.create_model", request


def _config(name: str = "$name", **variant: Any) -> tuple[str, Request]:
    given = {**_VARIANT, "ModelName": name, **variant}
    request = {"EndpointConfigName": name, "ProductionVariants": [given]}
    return "sagemaker.create_endpoint_config", request


def _endpoint(name: str = "$name") -> tuple[str, Request]:
    return "sagemaker.create_endpoint", {"EndpointName": name, "EndpointConfigName": name}


def _fault(on: str, how: str, **more: str) -> tuple[str, Request]:
    return "kennel.faults", {"on": on, "how": how, "name": "$name", **more}


#: One real endpoint that is InService, named `live`, for all cases that only look at one.
BEFORE_ALL: tuple[tuple[str, Request], ...] = (
    (
        "s3.upload_file",
        {
            "Filename": "$bundle/model.tar.gz",
            "Bucket": "$bucket",
            "Key": "cases/model.tar.gz",
        },
    ),
    _model("live"),
    _config("live"),
    _model("next"),
    _config("next"),
    _endpoint("live"),
    ("sagemaker.wait_until_endpoint_in_service", {"EndpointName": "live"}),
)

_CREATING = (_model(), _config(), _fault("CreateEndpoint", "hang"), _endpoint())
_FAILED = (_model(), _config(), _fault("CreateEndpoint", "capacity"), _endpoint())


_MODELS = [
    Case(
        "a model is described as it was given",
        "sagemaker.describe_model",
        {"ModelName": "$name"},
        {
            "ModelName": "$name",
            "ModelArn": _ARN + "model/$name",
            "ExecutionRoleArn": "$role",
            "PrimaryContainer": {"Image": _IMAGE},
        },
        API + "API_DescribeModel.html",
        before=(_model(),),
    ),
    Case(
        "a model's name is taken once",
        *_model(),
        Refused("ValidationException", rf'Cannot create already existing model "{_ARN}model/.+"\.'),
        GITHUB + "astronomer/astronomer-providers/issues/1055",
        before=(_model(),),
    ),
    Case(
        "a model that is not there",
        "sagemaker.describe_model",
        {"ModelName": "$name"},
        Refused("ValidationException", rf'Could not find model "{_ARN}model/$name"\.'),
        GITHUB + "aws/sagemaker-python-sdk/issues/2112",
    ),
    Case(
        "a deleted model is gone",
        "sagemaker.list_models",
        {"NameContains": "$name"},
        {"Models": []},
        API + "API_DeleteModel.html",
        before=(_model(), ("sagemaker.delete_model", {"ModelName": "$name"})),
    ),
    Case(
        "a configuration's models exist",
        *_config(),
        Refused("ValidationException", rf'Could not find model "{_ARN}model/$name"\.'),
        API + "API_CreateEndpointConfig.html",
    ),
    Case(
        "a configuration that is not there",
        "sagemaker.describe_endpoint_config",
        {"EndpointConfigName": "$name"},
        Refused(
            "ValidationException",
            rf'Could not find endpoint configuration "{_ARN}endpoint-config/$name"\.',
        ),
        GITHUB + "hashicorp/terraform-provider-aws/issues/40048",
    ),
    Case(
        "a variant has one instance at least",
        *_config(InitialInstanceCount=0),
        Refused("ValidationException", ".+initialInstanceCount.+greater than or equal to 1"),
        "botocore: InitialTaskCount",
        before=(_model(),),
    ),
    Case(
        "a container gets a minute at least to answer a ping",
        *_config(ContainerStartupHealthCheckTimeoutInSeconds=59),
        Refused("ValidationException", ".+greater than or equal to 60"),
        "botocore: ProductionVariantContainerStartupHealthCheckTimeoutInSeconds",
        before=(_model(),),
    ),
    Case(
        "burstable T3 instances host nothing",
        *_config(InstanceType="ml.t3.medium"),
        Refused("ValidationException", ".+instanceType.+enum value set.+"),
        "botocore: ProductionVariantInstanceType",
        before=(_model(),),
    ),
]

_STATES = [
    Case(
        "an endpoint that serves",
        "sagemaker.describe_endpoint",
        {"EndpointName": "live"},
        {
            "EndpointArn": _ARN + "endpoint/live",
            "EndpointConfigName": "live",
            "EndpointStatus": "InService",
            "ProductionVariants": [
                {
                    "VariantName": "AllTraffic",
                    "CurrentWeight": 1.0,
                    "DesiredWeight": 1.0,
                    "CurrentInstanceCount": 1,
                    "DesiredInstanceCount": 1,
                    "DeployedImages": [{"SpecifiedImage": _IMAGE}],
                }
            ],
            "FailureReason": Absent(),
            "PendingDeploymentSummary": Absent(),
        },
        API + "API_DescribeEndpoint.html",
    ),
    Case(
        "an endpoint that is being created tells what it does",
        "sagemaker.describe_endpoint",
        {"EndpointName": "$name"},
        {
            "EndpointStatus": "Creating",
            "PendingDeploymentSummary": {
                "EndpointConfigName": "$name",
                "ProductionVariants": [
                    {
                        "DesiredInstanceCount": 1,
                        "InstanceType": "ml.c5.large",
                        "VariantStatus": [
                            {"Status": "Creating", "StatusMessage": "Launching 1 instance(s)."}
                        ],
                    }
                ],
            },
        },
        GUIDE + "automating-sagemaker-with-eventbridge.html",
        before=_CREATING,
        eventually=True,
    ),
    Case(
        "an endpoint that is being created is not deleted",
        "sagemaker.delete_endpoint",
        {"EndpointName": "$name"},
        Refused(
            "ValidationException", rf'Cannot update in-progress endpoint "{_ARN}endpoint/$name"\.'
        ),
        API + "API_DeleteEndpoint.html",
        before=_CREATING,
    ),
    Case(
        "an endpoint that is being created is not updated",
        "sagemaker.update_endpoint",
        {"EndpointName": "$name", "EndpointConfigName": "next"},
        Refused(
            "ValidationException", rf'Cannot update in-progress endpoint "{_ARN}endpoint/$name"\.'
        ),
        API + "API_UpdateEndpoint.html",
        before=_CREATING,
    ),
    Case(
        "an endpoint that finds no capacity fails with the service's words",
        "sagemaker.describe_endpoint",
        {"EndpointName": "$name"},
        {
            "EndpointStatus": "Failed",
            "FailureReason": Like(
                "Unable to provision requested ML compute capacity due to "
                "InsufficientInstanceCapacity error. .+"
            ),
        },
        GITHUB + "aws/deep-learning-containers/pull/6673",
        before=_FAILED,
        eventually=True,
    ),
    Case(
        "an image that nobody can pull fails the endpoint",
        "sagemaker.describe_endpoint",
        {"EndpointName": "$name"},
        {"EndpointStatus": "Failed", "FailureReason": Like(".+public.example/other:1.*")},
        API + "API_DescribeEndpoint.html",
        before=(_model(image="public.example/other:1"), _config(), _endpoint()),
        eventually=True,
    ),
    Case(
        "a deleted endpoint is listed no more",
        "sagemaker.list_endpoints",
        {"NameContains": "$name"},
        {"Endpoints": []},
        API + "API_DeleteEndpoint.html",
        before=(
            *_FAILED,
            ("kennel.until", {"EndpointName": "$name", "EndpointStatus": "Failed"}),
            ("sagemaker.delete_endpoint", {"EndpointName": "$name"}),
        ),
        eventually=True,
    ),
    Case(
        "an endpoint's name is taken once",
        *_endpoint("live"),
        Refused(
            "ValidationException",
            rf'Cannot create already existing endpoint "{_ARN}endpoint/live"\.',
        ),
        GITHUB + "aws/sagemaker-python-sdk/issues/101",
    ),
    Case(
        "an endpoint needs a configuration that is there",
        *_endpoint(),
        Refused("ValidationException", r"Could not find endpoint configuration .+"),
        API + "API_CreateEndpoint.html",
    ),
    Case(
        "an endpoint that is not there",
        "sagemaker.describe_endpoint",
        {"EndpointName": "$name"},
        Refused("ValidationException", rf'Could not find endpoint "{_ARN}endpoint/$name"\.'),
        "botocore: waiter EndpointDeleted",
    ),
    Case(
        "weights are of variants that are there",
        "sagemaker.update_endpoint_weights_and_capacities",
        {
            "EndpointName": "live",
            "DesiredWeightsAndCapacities": [{"VariantName": "Other", "DesiredWeight": 1.0}],
        },
        Refused("ValidationException", ".*variant.*Other.*"),
        API + "API_UpdateEndpointWeightsAndCapacities.html",
    ),
]


def _update(name: str, message: str, source: str, **config: Any) -> Case:
    request = {
        "EndpointName": "live",
        "EndpointConfigName": "next",
        "DeploymentConfig": config,
    }
    refused = Refused("ValidationException", message)
    return Case(name, "sagemaker.update_endpoint", request, refused, source)


def _policy(kind: str, **more: Any) -> dict[str, Any]:
    routing = {"Type": kind, "WaitIntervalInSeconds": more.pop("wait", 60)}
    for member in ("CanarySize", "LinearStepSize"):
        if member in more:
            routing[member] = more.pop(member)
    return {"TrafficRoutingConfiguration": routing, **more}


_HALF = {"Type": "CAPACITY_PERCENT", "Value": 50}
_CANARY = GUIDE + "deployment-guardrails-blue-green-canary.html"
_GUARDRAILS = [
    _update(
        "one instance has no canary",
        "CanarySize must be less than or equal to 50% .+",
        _CANARY,
        BlueGreenUpdatePolicy=_policy("CANARY", CanarySize={"Type": "INSTANCE_COUNT", "Value": 1}),
    ),
    _update(
        "half of one instance is no canary",
        "CanarySize must be less than or equal to 50% .+",
        _CANARY,
        BlueGreenUpdatePolicy=_policy("CANARY", CanarySize=_HALF),
    ),
    _update(
        "a canary has a size",
        ".*CanarySize.*",
        API + "API_TrafficRoutingConfig.html",
        BlueGreenUpdatePolicy=_policy("CANARY"),
    ),
    _update(
        "a linear shift has steps of 10 to 50 percent",
        "LinearStepSize must be 10-50% .+",
        API + "API_TrafficRoutingConfig.html",
        BlueGreenUpdatePolicy=_policy(
            "LINEAR", LinearStepSize={"Type": "CAPACITY_PERCENT", "Value": 5}
        ),
    ),
    _update(
        "the waits of a deployment fit into its limit",
        ".+larger than the total waiting time.+",
        API + "API_BlueGreenUpdatePolicy.html",
        BlueGreenUpdatePolicy=_policy(
            "ALL_AT_ONCE", TerminationWaitInSeconds=600, MaximumExecutionTimeoutInSeconds=600
        ),
    ),
    _update(
        "a deployment's limit is ten minutes at least",
        ".+maximumExecutionTimeoutInSeconds.+greater than or equal to 600",
        "botocore: MaximumExecutionTimeoutInSeconds",
        BlueGreenUpdatePolicy=_policy("ALL_AT_ONCE", MaximumExecutionTimeoutInSeconds=599),
    ),
    _update(
        "a deployment has one policy",
        "Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy .+",
        API + "API_DeploymentConfig.html",
        BlueGreenUpdatePolicy=_policy("ALL_AT_ONCE"),
        RollingUpdatePolicy={"MaximumBatchSize": _HALF, "WaitIntervalInSeconds": 0},
    ),
    _update(
        "ten alarms watch a deployment at most",
        ".+alarms.+less than or equal to 10",
        "botocore: AlarmList",
        AutoRollbackConfiguration={"Alarms": [{"AlarmName": str(n)} for n in range(11)]},
    ),
    Case(
        "an update needs a configuration that is there",
        "sagemaker.update_endpoint",
        {"EndpointName": "live", "EndpointConfigName": "$name"},
        Refused("ValidationException", "Could not find endpoint configuration .+"),
        API + "API_UpdateEndpoint.html",
    ),
]

_INVOKE = API + "API_runtime_InvokeEndpoint.html"
_PHOTO = samples()[0].photo.read_bytes()


def _invoke(**members: Any) -> tuple[str, Request]:
    request = {"EndpointName": "live", "ContentType": "image/jpeg", "Body": _PHOTO, **members}
    return "sagemaker-runtime.invoke_endpoint", request


_INVOCATIONS = [
    Case(
        "an answer names the variant that gave it",
        *_invoke(Accept="application/json", TargetVariant="AllTraffic"),
        {"InvokedProductionVariant": "AllTraffic", "ContentType": "application/json"},
        _INVOKE,
    ),
    Case(
        "an endpoint that is not there is not invoked",
        *_invoke(EndpointName="$name"),
        Refused("ValidationError", r"Endpoint $name of account 123456789012 not found\."),
        GITHUB + "aws/amazon-sagemaker-examples/issues/293",
    ),
    Case(
        "an endpoint that is being created is not invoked",
        *_invoke(EndpointName="$name"),
        Refused("ValidationError", r"Endpoint $name of account 123456789012 not found\."),
        GUIDE + "realtime-endpoints-test-endpoints.html",
        before=_CREATING,
    ),
    Case(
        "a variant that is not there is not invoked",
        *_invoke(TargetVariant="Other"),
        Refused("ValidationError", "Variant Other not found .+"),
        _INVOKE,
    ),
    Case(
        "a body of more than 6 MB",
        *_invoke(Body=bytes(6_291_457)),
        Refused("ValidationError", ".+'body'.+less than or equal to 6291456"),
        "botocore: BodyBlob",
    ),
    Case(
        "a model's refusal keeps status and words",
        *_invoke(ContentType="text/plain", Body=b"no photo"),
        Refused(
            "ModelError",
            r'Received client error \(415\) from primary with message ".+"\. See https://us-east-1'
            r"\.console.+group=/aws/sagemaker/Endpoints/live in account 123456789012 .+",
            status=424,
        ),
        GITHUB + "RamVegiraju/SageMaker-Deployment/issues/3",
    ),
    Case(
        "a throttled call",
        *_invoke(),
        Refused("ThrottlingException", "Rate exceeded"),
        API + "CommonErrors.html",
        before=(("kennel.faults", {"on": "InvokeEndpoint", "how": "throttle", "name": "live"}),),
    ),
]

_TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/live/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
_REGISTER = (
    "application-autoscaling.register_scalable_target",
    {**_TARGET, "MinCapacity": 1, "MaxCapacity": 2},
)
_FOLLOW = (
    "application-autoscaling.put_scaling_policy",
    {
        **_TARGET,
        "PolicyName": "cases",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 100.0,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
            },
        },
    },
)
_FORGET = ("application-autoscaling.deregister_scalable_target", _TARGET)

_SCALED = [
    Case(
        "a variant that is not there is no scalable target",
        "application-autoscaling.register_scalable_target",
        {**_REGISTER[1], "ResourceId": "endpoint/live/variant/Other"},
        Refused("ValidationException", ".+endpoint/live/variant/Other"),
        _SCALING + "APIReference/API_RegisterScalableTarget.html",
    ),
    Case(
        "a policy is for what is registered",
        *_FOLLOW,
        Refused("ObjectNotFoundException", "No scalable target registered .+"),
        _SCALING + "APIReference/API_PutScalingPolicy.html",
    ),
    Case(
        "target tracking makes two alarms",
        *_FOLLOW,
        {
            "Alarms": [
                {"AlarmName": Like("TargetTracking-endpoint/live/variant/AllTraffic-Alarm.+")},
                {"AlarmName": Like("TargetTracking-endpoint/live/variant/AllTraffic-Alarm.+")},
            ]
        },
        _SCALING + "userguide/target-tracking-scaling-policy-overview.html",
        before=(_REGISTER,),
    ),
    Case(
        "three minutes above the target scale out",
        "cloudwatch.describe_alarms",
        {"AlarmNamePrefix": "TargetTracking-endpoint/live/variant/AllTraffic-AlarmHigh-"},
        {
            "MetricAlarms": [
                {
                    "MetricName": "InvocationsPerInstance",
                    "Statistic": "Sum",
                    "Period": 60,
                    "EvaluationPeriods": 3,
                    "Threshold": 100.0,
                    "ComparisonOperator": "GreaterThanThreshold",
                }
            ]
        },
        GUIDE + "endpoint-auto-scaling-policy.html",
        before=(_REGISTER, _FOLLOW),
    ),
    Case(
        "fifteen minutes below nine tenths of it scale in",
        "cloudwatch.describe_alarms",
        {"AlarmNamePrefix": "TargetTracking-endpoint/live/variant/AllTraffic-AlarmLow-"},
        {"MetricAlarms": [{"EvaluationPeriods": 15, "Threshold": 90.0}]},
        GUIDE + "endpoint-auto-scaling-policy.html",
        before=(_REGISTER, _FOLLOW),
    ),
    Case(
        "a registration goes with its policies and alarms",
        "cloudwatch.describe_alarms",
        {"AlarmNamePrefix": "TargetTracking-endpoint/live/"},
        {"MetricAlarms": []},
        _SCALING + "APIReference/API_DeregisterScalableTarget.html",
        before=(_REGISTER, _FOLLOW, _FORGET),
    ),
]

CASES = [*_MODELS, *_STATES, *_GUARDRAILS, *_INVOCATIONS, *_SCALED]
