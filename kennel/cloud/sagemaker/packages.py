"""Download a model's package from S3, for endpoints and transform jobs alike.

SageMaker reads it with the permissions of the model's role.
"""

import asyncio
import secrets
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.sagemaker.account import Account


class CannotDownload(Exception):  # noqa: N818
    """A package that is absent, or that the role may not read; the message is the service's."""


def download_package(account: Account, uri: str, role: str, file: Path) -> Path:
    """Download the object `uri` as `role` (an ARN) to `file`, and return that.

    Raises
    ------
    CannotDownload
        With the reason in SageMaker's words.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        body = account.s3(role).get_object(Bucket=bucket, Key=key)["Body"]
        with file.open("wb") as out:
            shutil.copyfileobj(body, out)
    except ServiceError as error:  # no such role
        raise CannotDownload(str(error)) from error
    except OSError as error:  # the disk is full
        file.unlink(missing_ok=True)
        raise CannotDownload(f"Could not download model data from {uri}: {error}") from error
    except (BotoCoreError, ClientError) as error:
        raise CannotDownload(
            f'Failed to download model data for container "container_1" from URL: "{uri}". Please '
            "ensure that there is an object located at the URL and that the role passed to "
            f"CreateModel has permissions to download the object. ({error})"
        ) from error
    return file


def fetcher(account: Account, folder: Path) -> Callable[[str, str], Awaitable[Path]]:
    """Return a function that downloads a model's package, with its role, to a new file."""

    async def fetch(uri: str, role: str) -> Path:
        file = folder / secrets.token_hex(8)
        return await asyncio.to_thread(download_package, account, uri, role, file)

    return fetch
