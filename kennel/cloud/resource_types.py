"""What the offline cloud does with each resource type of a template.

The one place where a type is known: how it is named, what `Ref` and `Fn::GetAtt` give, and who
runs it here. A type that is not in the table stops `kennel up`, so that nothing in a template
is ignored in silence.
"""

from dataclasses import dataclass, field
from typing import Literal

Runner = Literal["kennel", "moto", "nobody"]


@dataclass(frozen=True)
class ResourceType:
    """How one type of resource is named, referred to and run."""

    runner: Runner
    #: What happens to it here, for docs/offline-cloud.md and `kennel up --explain`.
    here: str
    #: The property that holds a name chosen in the template.
    name_property: str | None = None
    #: A pattern of {region}, {account} and {name}.
    arn: str | None = None
    ref_is_arn: bool = False
    #: Attributes of `Fn::GetAtt` beyond Arn, as patterns of {name}.
    attributes: dict[str, str] = field(default_factory=dict)


RESOURCE_TYPES: dict[str, ResourceType] = {
    "AWS::Lambda::Function": ResourceType(
        "kennel",
        "runs in AWS's Runtime Interface Emulator, a process an environment",
        "FunctionName",
        "arn:aws:lambda:{region}:{account}:function:{name}",
    ),
    "AWS::Lambda::LayerVersion": ResourceType(
        "kennel",
        "on the path of the functions that name it",
        "LayerName",
        "arn:aws:lambda:{region}:{account}:layer:{name}:1",
        ref_is_arn=True,
    ),
    "AWS::Lambda::Permission": ResourceType("nobody", "the gateway may call every function"),
    "AWS::ApiGateway::RestApi": ResourceType(
        "kennel",
        "routes, keys, media types and gateway responses of its Body are served",
        "Name",
        attributes={"RootResourceId": "{name}"},
    ),
    "AWS::ApiGateway::Deployment": ResourceType("nobody", "there is one, the template's"),
    "AWS::ApiGateway::Stage": ResourceType(
        "kennel", "its name is the first part of every path", "StageName"
    ),
    "AWS::ApiGateway::ApiKey": ResourceType(
        "kennel", "a fresh key at every start", "Name", attributes={"APIKeyId": "{name}"}
    ),
    "AWS::ApiGateway::UsagePlan": ResourceType(
        "kennel", "its rate, burst and quota are enforced", "UsagePlanName"
    ),
    "AWS::ApiGateway::UsagePlanKey": ResourceType("kennel", "ties the key to the plan"),
    "AWS::ApiGateway::Account": ResourceType("nobody", "access logs are not imitated"),
    "AWS::IAM::Role": ResourceType(
        "kennel",
        "created in moto; its policies are enforced on calls to SageMaker and Lambda",
        "RoleName",
        "arn:aws:iam::{account}:role/{name}",
    ),
    "AWS::S3::Bucket": ResourceType("moto", "a real bucket", "BucketName", "arn:aws:s3:::{name}"),
    "AWS::S3::BucketPolicy": ResourceType("nobody", "every caller here has the account's rights"),
    "AWS::Logs::LogGroup": ResourceType(
        "moto",
        "created with its retention; what a function prints is in .kennel/run/logs",
        "LogGroupName",
        "arn:aws:logs:{region}:{account}:log-group:{name}:*",
    ),
    "AWS::StepFunctions::StateMachine": ResourceType(
        "moto",
        "its definition is interpreted",
        "StateMachineName",
        "arn:aws:states:{region}:{account}:stateMachine:{name}",
        ref_is_arn=True,
        attributes={"Name": "{name}"},
    ),
}
