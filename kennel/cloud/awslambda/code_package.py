"""The package of a function's code: from S3 or a call, unzipped to where it runs."""

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from kennel.cloud.runtime.errors import ServiceError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_UNZIPPED_BYTES = 262_144_000


def download(s3: "S3Client", parameters: Mapping[str, Any]) -> bytes:
    """Return the package that UpdateFunctionCode's parameters name in S3; raises ServiceError."""
    if "S3Bucket" not in parameters or "S3Key" not in parameters:
        raise invalid("Please provide a source for function code.")
    version = parameters.get("S3ObjectVersion")
    where: Any = {"Bucket": parameters["S3Bucket"], "Key": parameters["S3Key"]}
    try:
        answer = s3.get_object(**where, **({"VersionId": version} if version else {}))
    except ClientError as error:
        told = error.response["Error"]
        raise invalid(
            f"Error occurred while GetObject. S3 Error Code: {told['Code']}. "
            f"S3 Error Message: {told['Message']}"
        ) from error
    return answer["Body"].read()


def unzip(packed: bytes, folder: Path) -> None:
    """Unzip a package; raises ServiceError, as Lambda does, for one that it does not take."""
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            if sum(each.file_size for each in archive.infolist()) >= _UNZIPPED_BYTES:
                raise invalid(f"Unzipped size must be smaller than {_UNZIPPED_BYTES} bytes")
            archive.extractall(folder)
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError) as error:
        raise invalid(
            "Could not unzip uploaded file. Please check your file, then try to upload again."
        ) from error


def invalid(message: str) -> ServiceError:
    """Return Lambda's error for a parameter's invalid value."""
    return ServiceError("InvalidParameterValueException", message, 400, {"Type": "User"})
