"""Lambda's errors for resources that do not exist, or exist already."""

from kennel.cloud.runtime.errors import ServiceError

_BY_USER = {"Type": "User"}


def not_found(message: str = "The resource you requested does not exist.") -> ServiceError:
    """Return Lambda's error for a resource that does not exist."""
    return ServiceError("ResourceNotFoundException", message, 404, _BY_USER)


def conflict(message: str) -> ServiceError:
    """Return Lambda's error for a resource that exists already."""
    return ServiceError("ResourceConflictException", message, 409, _BY_USER)
