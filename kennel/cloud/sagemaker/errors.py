"""The service's own error codes and wording, as botocore turns them into exceptions."""

from collections.abc import Mapping


class ServiceError(Exception):
    """An error that SageMaker answers.

    Attributes
    ----------
    code
        The exception's name in the service's protocol, such as ValidationException.
    status
        HTTP status.
    details
        Further members of the error's shape.
    """

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        details: Mapping[str, str | int] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.details = details or {}


def missing(kind: str, arn: str) -> ServiceError:
    """Return the error for a model, endpoint or endpoint configuration that does not exist."""
    return ServiceError("ValidationException", f'Could not find {kind} "{arn}".')


def not_found() -> ServiceError:
    """Return the error for a job that does not exist."""
    return ServiceError("ValidationException", "Requested resource not found.")


def invalid(message: str) -> ServiceError:
    """Return the error for a request whose members do not go together."""
    return ServiceError("ValidationException", message)


def existing(kind: str, arn: str) -> ServiceError:
    """Return the error for creating what is there."""
    return ServiceError("ValidationException", f'Cannot create already existing {kind} "{arn}".')


def model_error(status: int, message: str) -> ServiceError:
    """Return the error for a model server that answered `status`, with its own words."""
    kind = "client" if status < 500 else "server"  # noqa: PLR2004
    return ServiceError(
        "ModelError",
        f'Received {kind} error ({status}) from primary with message "{message}".',
        424,
        {"OriginalStatusCode": status, "OriginalMessage": message},
    )
