"""The configuration of the functions' boto3 clients, and the code of an error that AWS returned."""

from botocore.config import Config
from botocore.exceptions import ClientError

__all__ = ["client_config", "error_code"]


def client_config(region: str, *, read_timeout_s: float = 10, attempts: int = 3) -> Config:
    """Configure a boto3 client with explicit time-outs and retries.

    Parameters
    ----------
    region
        AWS region; without it boto3 looks for AWS_DEFAULT_REGION, which Lambda does not set.
    read_timeout_s
        Seconds to wait for a response; the default is for calls that only change a record.
    attempts
        Attempts in all, for throttling, broken connections and read time-outs.
    """
    return Config(
        region_name=region,
        connect_timeout=3,
        read_timeout=read_timeout_s,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )


def error_code(error: ClientError) -> str:
    """Return AWS's error code, such as ``ValidationException``."""
    return str(error.response.get("Error", {}).get("Code", ""))
