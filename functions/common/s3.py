"""Create objects in S3 without overwriting any."""

from collections.abc import Callable
from typing import ParamSpec

from botocore.exceptions import ClientError

from common.aws import error_code

__all__ = ["create_object"]

_P = ParamSpec("_P")


def create_object(write: Callable[_P, object], *args: _P.args, **request: _P.kwargs) -> bool:
    """Create an object unless it exists; return whether it was created, other errors propagate.

    Parameters
    ----------
    write
        PutObject or CopyObject of a client.
    request
        Its parameters, with ``IfNoneMatch="*"``; others such as CopySourceIfMatch may refuse too.
    """
    try:
        write(*args, **request)
    except ClientError as error:
        if error_code(error) != "PreconditionFailed":
            raise
        return False
    return True
