"""Check requests and responses against botocore's model of SageMaker."""

from typing import Any

from botocore.validate import ParamValidator

from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.runtime.service_models import service_model
from kennel.cloud.runtime.validation import broken_constraints
from kennel.cloud.sagemaker.errors import invalid

MODEL = service_model("sagemaker")


class MalformedAnswer(Exception):  # noqa: N818
    """The emulator made an answer that does not have the service's form: a bug."""


def check_request(action: str, request: Any) -> None:
    """Raise ServiceError, with the service's message, for a request that its model refuses."""
    shape = MODEL.operation_model(action).input_shape
    if shape is None:
        return
    if message := broken_constraints(shape, request):
        raise invalid(message)
    report = ParamValidator().validate(request, shape)
    if report.has_errors():  # a wrong type, an unknown member
        raise ServiceError("SerializationException", report.generate_report())


def check_response(action: str, response: Any) -> None:
    """Raise MalformedAnswer unless `response` has the form of the action's answer."""
    shape = MODEL.operation_model(action).output_shape
    if shape is None:
        if response:
            raise MalformedAnswer(f"{action} answers nothing: received {response}, expected none")
        return
    broken = broken_constraints(shape, response)
    report = ParamValidator().validate(response, shape)
    if broken or report.has_errors():
        raise MalformedAnswer(f"the answer to {action}: {broken} {report.generate_report()}")
