"""Create objects in S3 without overwriting any, and recognise the error for a missing one."""

from collections.abc import Callable
from typing import ParamSpec

from botocore.exceptions import ClientError

from common.aws import error_code

__all__ = ["MISSING", "create_object"]

#: Error codes of a missing object; S3 answers 403 to a role that may not list the bucket.
MISSING = frozenset({"403", "404", "AccessDenied", "NoSuchKey"})

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
