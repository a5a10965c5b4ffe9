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

#: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
UNZIPPED_BYTES = 262_144_000


def download(s3: "S3Client", reference: Mapping[str, Any]) -> bytes:
    """Return the package that a call's parameters name in S3; raises ServiceError."""
    if "S3Bucket" not in reference or "S3Key" not in reference:
        raise invalid("Please provide a source for function code.")
    version = reference.get("S3ObjectVersion")
    where: Any = {"Bucket": reference["S3Bucket"], "Key": reference["S3Key"]}
    try:
        answer = s3.get_object(**where, **({"VersionId": version} if version else {}))
    except ClientError as error:
        reason = error.response["Error"]
        raise unreadable(reason["Code"], reason["Message"]) from error
    return answer["Body"].read()


def unzip(packed: bytes, folder: Path) -> None:
    """Unzip a package; raises ServiceError, as Lambda does, for one that it does not take."""
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            if sum(each.file_size for each in archive.infolist()) >= UNZIPPED_BYTES:
                raise invalid(f"Unzipped size must be smaller than {UNZIPPED_BYTES} bytes")
            for member in archive.infolist():
                path = Path(archive.extract(member, folder))  # never outside the folder
                if path.is_file() and (mode := (member.external_attr >> 16) & 0o777):
                    path.chmod(mode | 0o600)
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, RuntimeError) as error:
        raise invalid(
            "Could not unzip uploaded file. Please check your file, then try to upload again."
        ) from error


def unreadable(code: str, message: str) -> ServiceError:
    """Return Lambda's error for a package that it cannot read in S3."""
    return invalid(
        f"Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: {message}"
    )


def invalid(message: str) -> ServiceError:
    """Return Lambda's error for a parameter's invalid value."""
    return ServiceError("InvalidParameterValueException", message, 400, {"Type": "User"})
