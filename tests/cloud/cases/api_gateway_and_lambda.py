"""Cases of the REST API and of Lambda's own API."""

from tests.cloud.conformance_case import Case, HttpCase, Like, Refused

_API = "https://docs.aws.amazon.com/apigateway/latest/developerguide/"
_LAMBDA = "https://docs.aws.amazon.com/lambda/latest/"
_TYPES = f"{_API}supported-gateway-response-types.html"
_TOKEN = {"x-amzn-errortype": "MissingAuthenticationTokenException"}
_PAGE = b'{"resource": "/", "path": "/", "httpMethod": "GET", "headers": {}}'

_REQUESTS = [
    HttpCase(
        name="a route that requires an API key answers 403 without one",
        method="POST",
        path="/classify",
        source=f"{_API}api-gateway-api-key-source.html",
        expect_status=403,
        expect_headers={"x-amzn-errortype": "ForbiddenException"},
    ),
    HttpCase(
        name="an unknown API key answers 403",
        method="POST",
        path="/classify",
        headers={"x-api-key": "wrong"},
        source=_TYPES,
        expect_status=403,
        expect_headers={"content-type": "application/problem+json"},
        expect_json={"status": 403, "title": "Forbidden"},
    ),
    HttpCase(
        name="an unknown path answers 404 with MissingAuthenticationTokenException",
        method="GET",
        path="/nothing",
        source=_TYPES,
        expect_status=404,
        expect_headers=_TOKEN,
    ),
    HttpCase(
        name="a path without the stage answers 404",
        method="GET",
        path="/breeds",
        source=f"{_API}how-to-call-api.html",
        expect_status=404,
        expect_headers=_TOKEN,
        whole_path=True,
    ),
    HttpCase(
        name="a stage with the stage's name as a prefix answers 404",
        method="GET",
        path="/v11/breeds",
        source=f"{_API}how-to-call-api.html",
        expect_status=404,
        expect_headers=_TOKEN,
        whole_path=True,
    ),
    HttpCase(
        name="an API is called by its id, where the Host cannot be chosen",
        method="POST",
        path="/_aws/execute-api/$api/v1/classify",
        source="https://docs.localstack.cloud/aws/services/apigateway/",
        expect_status=403,
        expect_headers={"content-type": "application/problem+json"},
        whole_path=True,
    ),
    HttpCase(
        name="a proxy integration returns the function's headers and body",
        method="GET",
        path="/openapi.json",
        source=f"{_API}set-up-lambda-proxy-integrations.html",
        expect_status=200,
        expect_headers={"content-type": Like("application/json.*")},
        expect_json={"openapi": Like(r"3\..*")},
    ),
    HttpCase(
        name="a signature with an unknown access key answers 403",
        method="POST",
        path="/",
        headers={
            "authorization": "AWS4-HMAC-SHA256 Credential=AKIANOBODY/20261122/us-east-1/sagemaker"
            "/aws4_request, SignedHeaders=host, Signature=0"
        },
        source="https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html",
        expect_status=403,
        expect_headers={"x-amzn-errortype": "UnrecognizedClientException"},
        expect_json={
            "message": Like("The security token included in the request is invalid.*'AKIANOBODY'.*")
        },
        whole_path=True,
    ),
]

_CALLS = [
    Case(
        name="invoking a missing function is an error",
        call="lambda.invoke",
        request={"FunctionName": "nobody", "Payload": b"{}"},
        expect=Refused(
            "ResourceNotFoundException",
            r"Function not found: arn:aws:lambda:us-east-1:123456789012:function:nobody",
            404,
        ),
        source=f"{_LAMBDA}api/API_Invoke.html",
    ),
    Case(
        name="a dry run answers 204",
        call="lambda.invoke",
        request={"FunctionName": "bare-PageFunction", "InvocationType": "DryRun"},
        expect={"StatusCode": 204},
        source=f"{_LAMBDA}api/API_Invoke.html",
    ),
    Case(
        name="an asynchronous invocation answers 202",
        call="lambda.invoke",
        request={"FunctionName": "bare-PageFunction", "InvocationType": "Event", "Payload": _PAGE},
        expect={"StatusCode": 202},
        source=f"{_LAMBDA}dg/invocation-async.html",
    ),
    Case(
        name="a synchronous invocation names the executed version",
        call="lambda.invoke",
        request={"FunctionName": "bare-PageFunction", "Payload": _PAGE},
        expect={"StatusCode": 200, "ExecutedVersion": "$LATEST"},
        source=f"{_LAMBDA}api/API_Invoke.html",
    ),
    Case(
        name="a function can be invoked by its ARN",
        call="lambda.invoke",
        request={
            "FunctionName": "arn:aws:lambda:us-east-1:123456789012:function:bare-PageFunction",
            "InvocationType": "DryRun",
        },
        expect={"StatusCode": 204},
        source=f"{_LAMBDA}api/API_Invoke.html",
    ),
    Case(
        name="a function that raises answers 200 with FunctionError",
        call="lambda.invoke",
        request={"FunctionName": "bare-PreflightFunction", "Payload": b"{}"},
        expect={"StatusCode": 200, "FunctionError": "Unhandled"},
        source=f"{_LAMBDA}dg/python-exceptions.html",
    ),
    Case(
        name="a synchronous request over 6 MB is refused",
        call="lambda.invoke",
        request={"FunctionName": "bare-PageFunction", "Payload": b" " * 6_291_457},
        expect=Refused(
            "RequestTooLargeException",
            "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
            413,
        ),
        source=f"{_LAMBDA}dg/gettingstarted-limits.html",
    ),
    Case(
        name="an asynchronous request over 1 MB is refused",
        call="lambda.invoke",
        request={
            "FunctionName": "bare-PageFunction",
            "InvocationType": "Event",
            "Payload": b" " * 1_048_577,
        },
        expect=Refused("RequestTooLargeException", "Request must be smaller than 1048576 .*", 413),
        source=f"{_LAMBDA}dg/gettingstarted-limits.html",
    ),
    Case(
        name="a function's reserved concurrency is read",
        call="lambda.get_function_concurrency",
        request={"FunctionName": "bare-ClassifyFunction"},
        expect={"ReservedConcurrentExecutions": 1},
        source=f"{_LAMBDA}api/API_GetFunctionConcurrency.html",
    ),
    Case(
        name="a role that Lambda cannot assume is refused",
        call="lambda.update_function_configuration",
        request={"FunctionName": "bare-PageFunction", "Role": "$role"},
        expect=Refused(
            "InvalidParameterValueException",
            r"The role defined for the function cannot be assumed by Lambda\.",
            400,
        ),
        source=f"{_LAMBDA}api/API_UpdateFunctionConfiguration.html",
    ),
    Case(
        name="keys are listed without their values unless those are asked for",
        call="apigateway.get_api_key",
        request={"apiKey": "$key"},
        expect={"id": "$key", "enabled": True, "stageKeys": ["$api/v1"]},
        source="https://docs.aws.amazon.com/apigateway/latest/api/API_GetApiKey.html",
    ),
    Case(
        name="a usage plan that does not exist has no usage",
        call="apigateway.get_usage",
        request={"usagePlanId": "none", "startDate": "2026-11-01", "endDate": "2026-11-02"},
        expect=Refused("NotFoundException", "Invalid Usage Plan ID specified", 404),
        source="https://docs.aws.amazon.com/apigateway/latest/api/API_GetUsage.html",
    ),
    Case(
        name="a denied action of a simulated policy is an explicit deny",
        call="iam.simulate_custom_policy",
        request={
            "PolicyInputList": [
                '{"Version": "2012-10-17", "Statement": ['
                '{"Effect": "Allow", "Action": "s3:*", "Resource": "*"},'
                '{"Effect": "Deny", "Action": "s3:Delete*", "Resource": "*"}]}'
            ],
            "ActionNames": ["s3:GetObject", "s3:DeleteObject", "sqs:SendMessage"],
        },
        expect={
            "IsTruncated": False,
            "EvaluationResults": [
                {"EvalActionName": "s3:GetObject", "EvalDecision": "allowed"},
                {"EvalActionName": "s3:DeleteObject", "EvalDecision": "explicitDeny"},
                {"EvalActionName": "sqs:SendMessage", "EvalDecision": "implicitDeny"},
            ],
        },
        source="https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html",
    ),
    Case(
        name="a role whose trust policy does not name the caller is not assumed",
        call="sts.assume_role",
        request={"RoleArn": "$role", "RoleSessionName": "someone"},
        expect=Refused(
            "AccessDenied",
            r"User: .* is not authorized to perform: sts:AssumeRole on resource: arn:.*",
            403,
        ),
        source="https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html",
    ),
]

CASES: list[Case | HttpCase] = [*_REQUESTS, *_CALLS]
