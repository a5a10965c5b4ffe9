"""The work of one training job: data in, the toolkit on every host, artifacts out."""

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.faults import Fault
from kennel.cloud.runtime.processes import free_ports
from kennel.cloud.runtime.store import Json
from kennel.cloud.sagemaker.account import Account
from kennel.cloud.sagemaker.jobs.logs import LogStream, Metrics
from kennel.cloud.sagemaker.jobs.s3_sync import (
    Mirror,
    TransferFailed,
    download,
    files_in,
    join,
    keys_below,
    upload_archive,
)
from kennel.cloud.sagemaker.jobs.training.host import Host, can_run
from kennel.cloud.sagemaker.jobs.training.record import Record

T = TypeVar("T")

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
PUMP_SECONDS = 1.0  # how often logs and checkpoints leave the job; real time
DEFAULT_MAX_RUNTIME = 86400  # seconds, where the request names none

CAPACITY = (
    "CapacityError: Unable to provision requested ML compute capacity. "
    "Please retry using a different ML instance type."
)
INTERNAL = "InternalServerError: We encountered an internal error. Please try again."
CANNOT_PULL = (
    "ClientError: Cannot pull algorithm container. Either the image does not exist or its "
    "permissions are incorrect."
)


class JobFailed(Exception):  # noqa: N818
    """The message is the job's FailureReason."""


@dataclass(frozen=True)
class Place:
    """What jobs run in."""

    account: Account
    clock: Clock
    logs: Path  # local copies of what jobs print


class Run:
    """One job, from its first state to its last."""

    def __init__(self, request: Json, record: Record, place: Place, fault: Fault | None) -> None:
        self._request = request
        self._record = record
        self._place = place
        self._fault = fault
        self._role = request["RoleArn"]
        self._s3 = place.account.client("s3", self._role)
        self._hosts: list[Host] = []
        self._mirrors: list[Mirror] = []
        self._stopping = asyncio.Event()
        self._threads = ThreadPoolExecutor(1)
        count = request["ResourceConfig"]["InstanceCount"]
        name = request["TrainingJobName"]
        self._log_files = [place.logs / f"training-{name}-algo-{i + 1}.log" for i in range(count)]
        algorithm = request["AlgorithmSpecification"]
        self._metrics = Metrics(algorithm.get("MetricDefinitions", []))

    def stop(self) -> None:
        """Ask it to stop; it ends later."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._record.enter("Stopping")

    def values(self) -> dict[str, list[float]]:
        """Return every value of each metric so far."""
        return self._metrics.values(self._log_files)

    async def run(self) -> None:
        """Do the job; how it ended is in its record.

        Cancelled when the cloud ends: then no process is left, and the record says InProgress.
        """
        folder = Path(tempfile.mkdtemp(prefix="kennel-training-"))
        try:
            await self._live(folder)
        except (JobFailed, TransferFailed) as error:
            self._record.enter("Failed", str(error))
        except Exception as error:  # a fault of ours is told as the service tells its own
            self._record.enter("Failed", f"InternalServerError: {error!r}")
            raise
        finally:
            for host in self._hosts:
                await host.kill()
            await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _blocking(self, work: Callable[..., T], *arguments: Any) -> T:
        """Await a call that blocks; `run` waits for its end before it removes the folder."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, work, *arguments)

    async def _live(self, folder: Path) -> None:
        """Race the work against StopTrainingJob and the longest run."""
        condition = self._request.get("StoppingCondition", {})
        limit = condition.get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME)
        working = asyncio.ensure_future(self._work(folder))
        stopped = asyncio.ensure_future(self._stopping.wait())
        over = asyncio.ensure_future(self._place.clock.sleep(limit))
        try:
            await asyncio.wait({working, stopped, over}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                await working  # raises what failed
                return
            timed_out = not stopped.done()
            await asyncio.gather(*(host.stop(self._place.clock) for host in self._hosts))
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            if any(files_in(host.base / "model") for host in self._hosts):
                self._record.enter("Uploading")
            await self._upload()
            self._record.enter("MaxRuntimeExceeded" if timed_out else "Stopped")
        finally:
            for task in (working, stopped, over):
                task.cancel()
            await asyncio.gather(working, stopped, over, return_exceptions=True)

    async def _work(self, folder: Path) -> None:
        await self._meet_fault()
        if not can_run(self._request["AlgorithmSpecification"].get("TrainingImage", "")):
            raise JobFailed(CANNOT_PULL)
        self._record.enter("Downloading")
        count = len(self._log_files)
        self._hosts = [Host(folder / f"algo-{number + 1}", number) for number in range(count)]
        for host in self._hosts:
            host.configure(self._request)
            await self._blocking(self._bring_channels, host)
        self._mirrors = await self._blocking(self._mirror)
        self._record.enter("Training")
        await self._train()
        self._record.enter("Uploading")
        await self._upload()
        self._record.enter("Completed")

    async def _meet_fault(self) -> None:
        if self._fault is None:
            return
        if self._fault.how == "capacity":
            raise JobFailed(self._fault.reason or CAPACITY)
        if self._fault.how == "fail":
            raise JobFailed(self._fault.reason or INTERNAL)
        await asyncio.Event().wait()  # hang, until it is stopped or its time is over

    def _bring_channels(self, host: Host) -> None:
        for channel in self._request.get("InputDataConfig", []):
            source = channel["DataSource"]["S3DataSource"]
            keys = keys_below(self._s3, source["S3Uri"], self._role)
            if source.get("S3DataDistributionType") == "ShardedByS3Key":
                keys = keys[host.number :: len(self._log_files)]
            folder = host.base / "input/data" / channel["ChannelName"]
            folder.mkdir()
            download(self._s3, source["S3Uri"], keys, folder)

    def _mirror(self) -> list[Mirror]:
        """Bring checkpoints of a former job; say what has to be sent while the job runs."""
        host, mirrors = self._hosts[0], []
        if checkpoints := self._request.get("CheckpointConfig"):
            local = host.local(checkpoints.get("LocalPath", "/opt/ml/checkpoints"))
            # As on AWS, the folder is there for those jobs only that ask for it.
            local.mkdir(parents=True, exist_ok=True)
            mirrors.append(Mirror(self._s3, local, checkpoints["S3Uri"]))
            mirrors[0].fetch()
        if board := self._request.get("TensorBoardOutputConfig"):
            local = host.local(board.get("LocalPath", "/opt/ml/output/tensorboard"))
            uri = join(board["S3OutputPath"], self._request["TrainingJobName"])
            mirrors.append(Mirror(self._s3, local, join(uri, "tensorboard-output")))
        return mirrors

    async def _train(self) -> None:
        """Run the toolkit on every host; the first that fails ends all.

        Raises
        ------
        JobFailed
            With what it wrote to /opt/ml/output/failure.
        """
        environment = {
            **self._request.get("Environment", {}),
            **self._place.account.environment(self._role),
            "TRAINING_JOB_ARN": self._record.value["TrainingJobArn"],
        }
        (port,) = free_ports(1)
        async with self._delivering():
            for host, log in zip(self._hosts, self._log_files, strict=True):
                log.unlink(missing_ok=True)
                await host.start(self._request, environment, log, port)
            ending = {asyncio.ensure_future(host.wait()): host for host in self._hosts}
            try:
                for done in asyncio.as_completed(ending):
                    if await done:
                        break
            finally:
                for task, host in ending.items():
                    task.cancel()
                    await host.kill()
                await asyncio.gather(*ending, return_exceptions=True)
        for task, host in ending.items():
            if not task.cancelled() and (status := task.result()):
                reason = host.failure().strip()
                raise JobFailed(f"AlgorithmError: {reason}, exit code: {status}")

    @contextlib.asynccontextmanager
    async def _delivering(self) -> AsyncIterator[None]:
        """Send logs and checkpoints while the block runs, and what is left when it ends."""
        logs = self._place.account.client("logs", self._role)
        stamp = int(time.time())
        name = self._request["TrainingJobName"]
        streams = [
            LogStream(logs, LOG_GROUP, f"{name}/algo-{number}-{stamp}", file)
            for number, file in enumerate(self._log_files, 1)
        ]
        ended = asyncio.Event()

        def send() -> None:
            for stream in streams:
                stream.send()
            for mirror in self._mirrors:
                mirror.send()

        async def pump() -> None:
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(ended.wait(), PUMP_SECONDS)
                await self._blocking(send)

        pumping = asyncio.ensure_future(pump())
        try:
            yield
        finally:
            ended.set()
            await pumping

    async def _upload(self) -> None:
        """Send the model, what the script left in output/data, and the metrics."""
        now = self._place.clock.now()
        if final := self._metrics.final(self._log_files, now):
            self._record.value["FinalMetricDataList"] = final
        for part, folder in (("model", "model"), ("output", "output/data")):
            folders = [host.base / folder for host in self._hosts]
            if any(True for each in folders for _ in files_in(each)):
                base = self._request["OutputDataConfig"]["S3OutputPath"]
                uri = join(base, self._request["TrainingJobName"], "output", f"{part}.tar.gz")
                await self._blocking(upload_archive, self._s3, folders, uri)
