import pytest

from kennel.cloud.iam.requests import ApiCall, Signature, read_call
from kennel.cloud.runtime.errors import ServiceError

URL = "http://127.0.0.1:1"
OPERATOR = "kennel-operator"


def read(service: str, target: str, body: bytes = b"{}") -> ApiCall:
    return read_call(Signature(OPERATOR, service), "POST", URL, {"x-amz-target": target}, body)


def test_a_signature_names_caller_and_service() -> None:
    value = (
        "AWS4-HMAC-SHA256 Credential=ClassifyRole/20261122/us-east-1/sagemaker/aws4_request, "
        "SignedHeaders=host, Signature=0"
    )
    assert Signature.read({"authorization": value}) == Signature("ClassifyRole", "sagemaker")
    assert Signature.read({"authorization": "Bearer x"}) is None
    assert Signature.read({}) is None


def test_a_json_call_is_read_as_it_is_written() -> None:
    call = read("states", "AWSStepFunctions.StopExecution", b'{"executionArn": "arn:x"}')
    parameters = {"executionArn": "arn:x"}
    assert call == ApiCall("stepfunctions", "StopExecution", parameters, OPERATOR)


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"\xff"])
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(ServiceError) as raised:
        read("sagemaker", "SageMaker.ListModels", body)
    assert raised.value.code == "SerializationException"


def test_an_invocation_is_sagemakers_runtime() -> None:
    url = f"{URL}/endpoints/e/invocations"
    call = read_call(Signature(OPERATOR, "sagemaker"), "POST", url, {}, b"\x00 data")
    assert (call.service, call.operation) == ("sagemaker-runtime", "InvokeEndpoint")
    assert call.parameters["EndpointName"] == "e"


@pytest.mark.parametrize(
    ("service", "method", "path", "target", "words"),
    [
        ("s3", "PATCH", "/b/k", "", "no operation of s3 is PATCH"),
        ("sagemaker", "POST", "/", "SageMaker.Fly", "no operation of sagemaker is .*Fly"),
        ("sagemaker", "POST", "/", "Other.ListModels", "no operation of sagemaker"),
        ("nothing", "POST", "/", "", "no operation of nothing"),
        ("nothing", "POST", "/", "Nothing.Do", "no operation of nothing"),
        ("lambda", "GET", "/nowhere", "", "no operation of lambda"),
    ],
)
def test_a_call_that_no_service_has_is_named(
    service: str, method: str, path: str, target: str, words: str
) -> None:
    headers = {"x-amz-target": target} if target else {}
    with pytest.raises(ServiceError, match=words) as raised:
        read_call(Signature(OPERATOR, service), method, URL + path, headers, b"{}")
    assert (raised.value.code, raised.value.status) == ("NotImplementedOffline", 501)
