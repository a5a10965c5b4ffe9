"""SageMaker's own errors: codes and wording, as botocore turns them into exceptions."""

from kennel.cloud.runtime.errors import ServiceError

__all__ = ["existing", "invalid", "missing", "not_found"]


def missing(kind: str, arn: str) -> ServiceError:
    """Return the error for a model, endpoint or endpoint configuration that does not exist."""
    return invalid(f'Could not find {kind} "{arn}".')


def not_found() -> ServiceError:
    """Return the error for a job that does not exist."""
    return invalid("Requested resource not found.")


def existing(kind: str, arn: str) -> ServiceError:
    """Return the error for creating a resource that exists."""
    return invalid(f'Cannot create already existing {kind} "{arn}".')


def invalid(message: str) -> ServiceError:
    """Return the error for a request whose members do not go together."""
    return ServiceError("ValidationException", message)
