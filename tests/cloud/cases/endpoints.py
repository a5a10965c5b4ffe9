"""Cases of models, configurations, endpoints, invocations and scaling."""

from typing import Any

from kennel.demo import samples
from tests.cloud.conformance_case import API, GITHUB, GUIDE, Absent, Case, Like, Refused, Request

_ARN = "arn:aws:sagemaker:us-east-1:123456789012:"
_IMAGE = "kennel/serving:offline"
_SCALING = "https://docs.aws.amazon.com/autoscaling/application/"
_VARIANT = {
    "VariantName": "AllTraffic",
    "InitialInstanceCount": 1,
    "InstanceType": "ml.c5.large",
}


def _model(name: str = "$name", image: str = _IMAGE) -> tuple[str, Request]:
    container = {"Image": image, "ModelDataUrl": "s3://$bucket/packages/cases/model.tar.gz"}
    request = {"ModelName": name, "PrimaryContainer": container, "ExecutionRoleArn": "$role"}
    return "sagemaker.create_model", request


def _config(name: str = "$name", **variant: Any) -> tuple[str, Request]:
    variants = [{**_VARIANT, "ModelName": name, **variant}]
    request = {"EndpointConfigName": name, "ProductionVariants": variants}
    return "sagemaker.create_endpoint_config", request


def _endpoint(name: str = "$name") -> tuple[str, Request]:
    return "sagemaker.create_endpoint", {"EndpointName": name, "EndpointConfigName": name}


def _fault(on: str, how: str, **more: str) -> tuple[str, Request]:
    return "kennel.faults", {"on": on, "how": how, "name": "$name", **more}


#: One endpoint that is InService, named `live`, for all cases that change no endpoint.
BEFORE_ALL: tuple[tuple[str, Request], ...] = (
    (
        "s3.upload_file",
        {
            "Filename": "$bundle/model.tar.gz",
            "Bucket": "$bucket",
            "Key": "packages/cases/model.tar.gz",
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
        "DescribeModel answers what CreateModel received",
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
        "a model name that exists already is refused",
        *_model(),
        Refused("ValidationException", rf'Cannot create already existing model "{_ARN}model/.+"\.'),
        GITHUB + "astronomer/astronomer-providers/issues/1055",
        before=(_model(),),
    ),
    Case(
        "describing a missing model is an error",
        "sagemaker.describe_model",
        {"ModelName": "$name"},
        Refused("ValidationException", rf'Could not find model "{_ARN}model/$name"\.'),
        GITHUB + "aws/sagemaker-python-sdk/issues/2112",
    ),
    Case(
        "a deleted model is not listed",
        "sagemaker.list_models",
        {"NameContains": "$name"},
        {"Models": []},
        API + "API_DeleteModel.html",
        before=(_model(), ("sagemaker.delete_model", {"ModelName": "$name"})),
    ),
    Case(
        "a configuration with a missing model is refused",
        *_config(),
        Refused("ValidationException", rf'Could not find model "{_ARN}model/$name"\.'),
        API + "API_CreateEndpointConfig.html",
    ),
    Case(
        "describing a missing configuration is an error",
        "sagemaker.describe_endpoint_config",
        {"EndpointConfigName": "$name"},
        Refused(
            "ValidationException",
            rf'Could not find endpoint configuration "{_ARN}endpoint-config/$name"\.',
        ),
        GITHUB + "hashicorp/terraform-provider-aws/issues/40048",
    ),
    Case(
        "a variant of 0 instances is refused",
        *_config(InitialInstanceCount=0),
        Refused("ValidationException", ".+initialInstanceCount.+greater than or equal to 1"),
        "botocore: InitialTaskCount",
        before=(_model(),),
    ),
    Case(
        "a startup timeout below 60 seconds is refused",
        *_config(ContainerStartupHealthCheckTimeoutInSeconds=59),
        Refused("ValidationException", ".+greater than or equal to 60"),
        "botocore: ProductionVariantContainerStartupHealthCheckTimeoutInSeconds",
        before=(_model(),),
    ),
    Case(
        "a T3 instance type is refused for a variant",
        *_config(InstanceType="ml.t3.medium"),
        Refused("ValidationException", ".+instanceType.+enum value set.+"),
        "botocore: ProductionVariantInstanceType",
        before=(_model(),),
    ),
]

_STATES = [
    Case(
        "an endpoint in service is described with its variants",
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
        "a new endpoint describes its pending deployment",
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
        "deleting an endpoint in Creating is refused",
        "sagemaker.delete_endpoint",
        {"EndpointName": "$name"},
        Refused(
            "ValidationException", rf'Cannot update in-progress endpoint "{_ARN}endpoint/$name"\.'
        ),
        API + "API_DeleteEndpoint.html",
        before=_CREATING,
    ),
    Case(
        "updating an endpoint in Creating is refused",
        "sagemaker.update_endpoint",
        {"EndpointName": "$name", "EndpointConfigName": "next"},
        Refused(
            "ValidationException", rf'Cannot update in-progress endpoint "{_ARN}endpoint/$name"\.'
        ),
        API + "API_UpdateEndpoint.html",
        before=_CREATING,
    ),
    Case(
        "an endpoint without capacity fails with the service's message",
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
        "an image that cannot be pulled fails the endpoint",
        "sagemaker.describe_endpoint",
        {"EndpointName": "$name"},
        {"EndpointStatus": "Failed", "FailureReason": Like(".+public.example/other:1.*")},
        API + "API_DescribeEndpoint.html",
        before=(_model(image="public.example/other:1"), _config(), _endpoint()),
        eventually=True,
    ),
    Case(
        "a deleted endpoint is not listed",
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
        "an endpoint name that exists already is refused",
        *_endpoint("live"),
        Refused(
            "ValidationException",
            rf'Cannot create already existing endpoint "{_ARN}endpoint/live"\.',
        ),
        GITHUB + "aws/sagemaker-python-sdk/issues/101",
    ),
    Case(
        "creating an endpoint with a missing configuration is refused",
        *_endpoint(),
        Refused("ValidationException", r"Could not find endpoint configuration .+"),
        API + "API_CreateEndpoint.html",
    ),
    Case(
        "describing a missing endpoint is an error",
        "sagemaker.describe_endpoint",
        {"EndpointName": "$name"},
        Refused("ValidationException", rf'Could not find endpoint "{_ARN}endpoint/$name"\.'),
        "botocore: waiter EndpointDeleted",
    ),
    Case(
        "weights of a missing variant are refused",
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
_DEPLOYMENT_CONFIGS = [
    _update(
        "a canary of one instance out of one is refused",
        "CanarySize must be less than or equal to 50% .+",
        _CANARY,
        BlueGreenUpdatePolicy=_policy("CANARY", CanarySize={"Type": "INSTANCE_COUNT", "Value": 1}),
    ),
    _update(
        "a canary of half of one instance is refused",
        "CanarySize must be less than or equal to 50% .+",
        _CANARY,
        BlueGreenUpdatePolicy=_policy("CANARY", CanarySize=_HALF),
    ),
    _update(
        "a canary without CanarySize is refused",
        ".*CanarySize.*",
        API + "API_TrafficRoutingConfig.html",
        BlueGreenUpdatePolicy=_policy("CANARY"),
    ),
    _update(
        "a linear step below 10 percent is refused",
        "LinearStepSize must be 10-50% .+",
        API + "API_TrafficRoutingConfig.html",
        BlueGreenUpdatePolicy=_policy(
            "LINEAR", LinearStepSize={"Type": "CAPACITY_PERCENT", "Value": 5}
        ),
    ),
    _update(
        "a deployment limit below the total waiting time is refused",
        ".+larger than the total waiting time.+",
        API + "API_BlueGreenUpdatePolicy.html",
        BlueGreenUpdatePolicy=_policy(
            "ALL_AT_ONCE", TerminationWaitInSeconds=600, MaximumExecutionTimeoutInSeconds=600
        ),
    ),
    _update(
        "a deployment limit below ten minutes is refused",
        ".+maximumExecutionTimeoutInSeconds.+greater than or equal to 600",
        "botocore: MaximumExecutionTimeoutInSeconds",
        BlueGreenUpdatePolicy=_policy("ALL_AT_ONCE", MaximumExecutionTimeoutInSeconds=599),
    ),
    _update(
        "a deployment with two policies is refused",
        "Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy .+",
        API + "API_DeploymentConfig.html",
        BlueGreenUpdatePolicy=_policy("ALL_AT_ONCE"),
        RollingUpdatePolicy={"MaximumBatchSize": _HALF, "WaitIntervalInSeconds": 0},
    ),
    _update(
        "a deployment with 11 alarms is refused",
        ".+alarms.+less than or equal to 10",
        "botocore: AlarmList",
        AutoRollbackConfiguration={"Alarms": [{"AlarmName": str(n)} for n in range(11)]},
    ),
    Case(
        "updating an endpoint to a missing configuration is refused",
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
        "a response names the variant that answered",
        *_invoke(Accept="application/json", TargetVariant="AllTraffic"),
        {"InvokedProductionVariant": "AllTraffic", "ContentType": "application/json"},
        _INVOKE,
    ),
    Case(
        "invoking a missing endpoint is an error",
        *_invoke(EndpointName="$name"),
        Refused("ValidationError", r"Endpoint $name of account 123456789012 not found\."),
        GITHUB + "aws/amazon-sagemaker-examples/issues/293",
    ),
    Case(
        "invoking an endpoint in Creating is an error",
        *_invoke(EndpointName="$name"),
        Refused("ValidationError", r"Endpoint $name of account 123456789012 not found\."),
        GUIDE + "realtime-endpoints-test-endpoints.html",
        before=_CREATING,
    ),
    Case(
        "invoking a missing variant is an error",
        *_invoke(TargetVariant="Other"),
        Refused("ValidationError", "Variant Other not found .+"),
        _INVOKE,
    ),
    Case(
        "a request body over 6 MB is refused",
        *_invoke(Body=bytes(6_291_457)),
        Refused("ValidationError", ".+'body'.+less than or equal to 6291456"),
        "botocore: BodyBlob",
    ),
    Case(
        "a model's error keeps its status and message",
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
        "a throttled invocation answers ThrottlingException",
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
        "registering a missing variant as scalable target is refused",
        "application-autoscaling.register_scalable_target",
        {**_REGISTER[1], "ResourceId": "endpoint/live/variant/Other"},
        Refused("ValidationException", ".+endpoint/live/variant/Other"),
        _SCALING + "APIReference/API_RegisterScalableTarget.html",
    ),
    Case(
        "a scaling policy without a registered target is refused",
        *_FOLLOW,
        Refused("ObjectNotFoundException", "No scalable target registered .+"),
        _SCALING + "APIReference/API_PutScalingPolicy.html",
    ),
    Case(
        "a target tracking policy creates two alarms",
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
        "the high alarm of target tracking evaluates three minutes",
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
        "the low alarm of target tracking evaluates 15 minutes at 90 percent",
        "cloudwatch.describe_alarms",
        {"AlarmNamePrefix": "TargetTracking-endpoint/live/variant/AllTraffic-AlarmLow-"},
        {"MetricAlarms": [{"EvaluationPeriods": 15, "Threshold": 90.0}]},
        GUIDE + "endpoint-auto-scaling-policy.html",
        before=(_REGISTER, _FOLLOW),
    ),
    Case(
        "deregistering a target deletes its policies and alarms",
        "cloudwatch.describe_alarms",
        {"AlarmNamePrefix": "TargetTracking-endpoint/live/"},
        {"MetricAlarms": []},
        _SCALING + "APIReference/API_DeregisterScalableTarget.html",
        before=(_REGISTER, _FOLLOW, _FORGET),
    ),
]

CASES = [*_MODELS, *_STATES, *_DEPLOYMENT_CONFIGS, *_INVOCATIONS, *_SCALED]
