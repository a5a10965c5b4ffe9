"""Send a training job's logs and checkpoints to AWS while the job runs."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kennel.cloud.runtime.store import Json
from kennel.cloud.sagemaker.jobs.logs import LogStream, MetricStream
from kennel.cloud.sagemaker.jobs.s3_sync import Mirror, join
from kennel.cloud.sagemaker.jobs.training.host import Host

if TYPE_CHECKING:
    from types_boto3_logs.client import CloudWatchLogsClient
    from types_boto3_s3.client import S3Client

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
SEND_SECONDS = 1.0  # between two deliveries; real time


def log_streams(
    logs: "CloudWatchLogsClient", job_name: str, files: Sequence[Path]
) -> list[LogStream]:
    """Return the CloudWatch stream of each host's log file."""
    stamp = int(time.time())
    return [
        LogStream(logs, LOG_GROUP, f"{job_name}/algo-{number}-{stamp}", file)
        for number, file in enumerate(files, 1)
    ]


def prepare_mirrors(s3: "S3Client", request: Json, host: Host) -> list[Mirror]:
    """Download the checkpoints of an earlier job; return the folders to upload while this one runs.

    Parameters
    ----------
    request
        CreateTrainingJob's.
    host
        The first host, whose folders are uploaded.
    """
    mirrors = []
    if checkpoints := request.get("CheckpointConfig"):
        local = host.local(checkpoints.get("LocalPath", "/opt/ml/checkpoints"))
        # As on AWS, the folder exists only for jobs that configure it.
        local.mkdir(parents=True, exist_ok=True)
        mirror = Mirror(s3, local, checkpoints["S3Uri"])
        mirror.fetch()
        mirrors.append(mirror)
    if tensorboard := request.get("TensorBoardOutputConfig"):
        local = host.local(tensorboard.get("LocalPath", "/opt/ml/output/tensorboard"))
        uri = join(tensorboard["S3OutputPath"], request["TrainingJobName"], "tensorboard-output")
        mirrors.append(Mirror(s3, local, uri))
    return mirrors


@contextlib.asynccontextmanager
async def delivering(
    senders: Sequence[LogStream | Mirror | MetricStream],
    run_blocking: Callable[[Callable[[], None]], Awaitable[None]],
) -> AsyncIterator[None]:
    """Send new log lines and files every second while the block runs, and once at its end.

    Parameters
    ----------
    run_blocking
        Runs a blocking function in a thread.
    """
    ended = asyncio.Event()

    def send() -> None:
        for sender in senders:
            sender.send()

    async def send_repeatedly() -> None:
        last = False
        while not last:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), SEND_SECONDS)
            last = ended.is_set()  # read first: what comes during `send` needs another one
            await run_blocking(send)

    sending = asyncio.ensure_future(send_repeatedly())
    try:
        yield
    finally:
        ended.set()
        await sending
