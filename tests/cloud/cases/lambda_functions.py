"""Cases of what Lambda's API makes: functions, layers, event-invoke configs, policies, sources."""

import io
import zipfile
from typing import Any

from tests.cloud.conformance_case import GITHUB, Absent, Case, Like, Refused, Request

_API = "https://docs.aws.amazon.com/lambda/latest/api/API_"
_GUIDE = "https://docs.aws.amazon.com/lambda/latest/dg/"
_LAMBDA = "arn:aws:lambda:us-east-1:123456789012:"
_NAME = {"FunctionName": "$name"}


def _zipped(**files: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.py", text)
    return packed.getvalue()


def _function(**members: Any) -> Request:
    return {
        "FunctionName": "$name",
        "Runtime": "python3.13",
        "Handler": "app.handler",
        "Role": "arn:aws:iam::123456789012:role/bare-PageRole",
        "Code": {"ZipFile": _zipped(app="handler = lambda event, context: event")},
        **members,
    }


_CREATED = (("lambda.create_function", _function()),)
_LAYER = ("lambda.publish_layer_version", {"LayerName": "$name", "Content": {"ZipFile": _zipped()}})

_FUNCTIONS = [
    Case(
        name="a function is created with Lambda's defaults",
        call="lambda.create_function",
        request=_function(),
        expect={
            "FunctionArn": Like(_LAMBDA + r"function:case-\d+"),
            "Timeout": 3,
            "MemorySize": 128,
            "Version": "$LATEST",
            "PackageType": "Zip",
            "Architectures": ["x86_64"],
            "EphemeralStorage": {"Size": 512},
            "TracingConfig": {"Mode": "PassThrough"},
            "CodeSha256": Like("[A-Za-z0-9+/]{43}="),
            "Environment": Absent(),
            "Layers": Absent(),
        },
        source=f"{_API}CreateFunction.html",
    ),
    Case(
        name="a created function answers",
        call="lambda.invoke",
        request={**_NAME, "Payload": b"1"},
        expect={"StatusCode": 200, "FunctionError": Absent()},
        source=f"{_API}Invoke.html",
        before=_CREATED,
    ),
    Case(
        name="the end of an invocation's log is returned in Base64",
        call="lambda.invoke",
        request={**_NAME, "LogType": "Tail", "Payload": b"1"},
        expect={"LogResult": Like("U1RBUlQgUmVxdWVzdElkOi.*")},  # START RequestId:
        source=f"{_API}Invoke.html",
        before=_CREATED,
    ),
    Case(
        name="a function's name is taken once",
        call="lambda.create_function",
        request=_function(),
        expect=Refused("ResourceConflictException", "Function already exist: $name", 409),
        source=f"{_API}CreateFunction.html#API_CreateFunction_Errors",
        before=_CREATED,
    ),
    Case(
        name="a function is not created with a role that Lambda cannot assume",
        call="lambda.create_function",
        request=_function(Role="$role"),
        expect=Refused(
            "InvalidParameterValueException",
            r"The role defined for the function cannot be assumed by Lambda\.",
        ),
        source=f"{_GUIDE}lambda-intro-execution-role.html",
    ),
    Case(
        name="a zip needs a runtime and a handler",
        call="lambda.create_function",
        request={key: value for key, value in _function().items() if key != "Handler"},
        expect=Refused(
            "InvalidParameterValueException",
            "Runtime and Handler are mandatory parameters for functions created with deployment "
            r"packages\.",
        ),
        source=f"{_API}CreateFunction.html",
    ),
    Case(
        name="a function has five layers at most",
        call="lambda.create_function",
        request=_function(Layers=[f"{_LAMBDA}layer:l:{number}" for number in range(1, 7)]),
        expect=Refused("InvalidParameterValueException", r"Cannot reference more than 5 layers\."),
        source=f"{_GUIDE}gettingstarted-limits.html",
    ),
    Case(
        name="a function's variables have 4 KB at most",
        call="lambda.create_function",
        request=_function(Environment={"Variables": {"LONG": "x" * 4096}}),
        expect=Refused("InvalidParameterValueException", "Lambda was unable to .* 4KB limit.*"),
        source=f"{_GUIDE}gettingstarted-limits.html",
    ),
    Case(
        name="a deleted function does not exist",
        call="lambda.get_function",
        request=_NAME,
        expect=Refused(
            "ResourceNotFoundException", f"Function not found: {_LAMBDA}function:$name", 404
        ),
        source=f"{_API}DeleteFunction.html",
        before=(*_CREATED, ("lambda.delete_function", _NAME)),
    ),
    Case(
        name="a version that was not published is not found",
        call="lambda.invoke",
        request={**_NAME, "Qualifier": "7"},
        expect=Refused(
            "ResourceNotFoundException", f"Function not found: {_LAMBDA}function:$name:7", 404
        ),
        source=f"{_API}Invoke.html",
        before=_CREATED,
    ),
    Case(
        name="tags are listed by a function's ARN",
        call="lambda.list_tags",
        request={"Resource": f"{_LAMBDA}function:$name"},
        expect={"Tags": {"kept": "1", "added": "2"}},
        source=f"{_API}TagResource.html",
        before=(
            ("lambda.create_function", _function(Tags={"kept": "1"})),
            (
                "lambda.tag_resource",
                {"Resource": f"{_LAMBDA}function:$name", "Tags": {"added": "2"}},
            ),
        ),
    ),
]

_LAYERS = [
    Case(
        name="layer versions are numbered",
        call=_LAYER[0],
        request=_LAYER[1],
        expect={
            "LayerArn": Like(_LAMBDA + r"layer:case-\d+"),
            "LayerVersionArn": Like(_LAMBDA + r"layer:case-\d+:2"),
            "Version": 2,
        },
        source=f"{_API}PublishLayerVersion.html",
        before=(_LAYER,),
    ),
    Case(
        name="the number of a deleted layer version is not used again",
        call=_LAYER[0],
        request=_LAYER[1],
        expect={"Version": 2},
        source=f"{_API}DeleteLayerVersion.html",
        before=(
            _LAYER,
            ("lambda.delete_layer_version", {"LayerName": "$name", "VersionNumber": 1}),
        ),
    ),
    Case(
        name="a layer version that does not exist is not found",
        call="lambda.get_layer_version",
        request={"LayerName": "$name", "VersionNumber": 1},
        expect=Refused(
            "ResourceNotFoundException", r"The resource you requested does not exist\.", 404
        ),
        source=f"{_API}GetLayerVersion.html#API_GetLayerVersion_Errors",
    ),
]

_CONFIGS = [
    Case(
        name="an event-invoke config names the version that it is of",
        call="lambda.put_function_event_invoke_config",
        request={**_NAME, "MaximumRetryAttempts": 0},
        expect={
            "FunctionArn": Like(_LAMBDA + r"function:case-\d+:\$LATEST"),
            "MaximumRetryAttempts": 0,
            "MaximumEventAgeInSeconds": Absent(),
            "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}},
        },
        source=f"{_API}PutFunctionEventInvokeConfig.html",
        before=_CREATED,
    ),
    Case(
        name="an event-invoke config that does not exist is not found",
        call="lambda.get_function_event_invoke_config",
        request=_NAME,
        expect=Refused(
            "ResourceNotFoundException",
            rf"The function {_LAMBDA}function:$name:\$$LATEST doesn't have an EventInvokeConfig",
            404,
        ),
        source=f"{_API}GetFunctionEventInvokeConfig.html",
        before=_CREATED,
    ),
    Case(
        name="an event-invoke config says something",
        call="lambda.put_function_event_invoke_config",
        request=_NAME,
        expect=Refused(
            "InvalidParameterValueException",
            r"You must specify at least one of error handling or destination setting\.",
        ),
        source=f"{GITHUB}hashicorp/terraform-provider-aws/blob/main/website/docs/r/"
        "lambda_function_event_invoke_config.html.markdown",
        before=_CREATED,
    ),
    Case(
        name="a permission's statement id is taken once",
        call="lambda.add_permission",
        request={**_NAME, "StatementId": "one", "Action": "lambda:*", "Principal": "*"},
        expect=Refused(
            "ResourceConflictException",
            r"The statement id \(one\) provided already exists\. Please provide a new statement "
            r"id, or remove the existing statement\.",
            409,
        ),
        source=f"{_API}AddPermission.html",
        before=(
            *_CREATED,
            (
                "lambda.add_permission",
                {**_NAME, "StatementId": "one", "Action": "lambda:*", "Principal": "*"},
            ),
        ),
    ),
    Case(
        name="a permission is a statement of the function's policy",
        call="lambda.get_policy",
        request=_NAME,
        expect={
            "Policy": Like(
                r'.*"Principal":{"Service":"s3\.amazonaws\.com"},"Action":"lambda:InvokeFunction",'
                r'.*"Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::b"}}.*'
            )
        },
        source=f"{_GUIDE}access-control-resource-based.html",
        before=(
            *_CREATED,
            (
                "lambda.add_permission",
                {
                    **_NAME,
                    "StatementId": "one",
                    "Action": "lambda:InvokeFunction",
                    "Principal": "s3.amazonaws.com",
                    "SourceArn": "arn:aws:s3:::b",
                },
            ),
        ),
    ),
    Case(
        name="a function without a permission has no policy",
        call="lambda.get_policy",
        request=_NAME,
        expect=Refused(
            "ResourceNotFoundException", r"The resource you requested does not exist\.", 404
        ),
        source=f"{_API}GetPolicy.html",
        before=_CREATED,
    ),
]

_SOURCES = [
    Case(
        name="a queue's messages are polled with permissions of the function's role",
        call="lambda.create_event_source_mapping",
        request={**_NAME, "EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:$name"},
        expect=Refused(
            "InvalidParameterValueException",
            "The provided execution role does not have permissions to call ReceiveMessage on SQS",
        ),
        source=f"{_GUIDE}services-sqs-configure.html",
        before=_CREATED,
    ),
    Case(
        name="a batch of more than 10 messages needs a window",
        call="lambda.create_event_source_mapping",
        request={
            **_NAME,
            "EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:$name",
            "BatchSize": 11,
        },
        expect=Refused(
            "InvalidParameterValueException",
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
            "greater than 10",
        ),
        source=f"{_API}CreateEventSourceMapping.html",
        before=_CREATED,
    ),
    Case(
        name="a mapping that does not exist is not found",
        call="lambda.get_event_source_mapping",
        request={"UUID": "12345678-1234-1234-1234-123456789012"},
        expect=Refused(
            "ResourceNotFoundException", r"The resource you requested does not exist\.", 404
        ),
        source=f"{_API}GetEventSourceMapping.html",
    ),
]

CASES = [*_FUNCTIONS, *_LAYERS, *_CONFIGS, *_SOURCES]
