"""Run one training job: download its data, run the toolkit on every host, upload its artifacts."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from kennel.cloud.runtime.faults import Fault
from kennel.cloud.runtime.processes import free_ports
from kennel.cloud.runtime.store import Json
from kennel.cloud.sagemaker.frameworks.environment import pip_error
from kennel.cloud.sagemaker.frameworks.images import can_train
from kennel.cloud.sagemaker.image_pulls import CannotPull
from kennel.cloud.sagemaker.jobs.context import JobContext
from kennel.cloud.sagemaker.jobs.logs import LogMetrics, MetricStream
from kennel.cloud.sagemaker.jobs.s3_sync import (
    Mirror,
    TransferFailed,
    download,
    files_in,
    join,
    listed_objects,
    upload_archive,
)
from kennel.cloud.sagemaker.jobs.states import JobFailed, apply_fault
from kennel.cloud.sagemaker.jobs.training.delivery import delivering, log_streams, prepare_mirrors
from kennel.cloud.sagemaker.jobs.training.host import Host
from kennel.cloud.sagemaker.jobs.training.record import TrainingRecord
from kennel.cloud.sagemaker.jobs.training.validation import recorded_only

T = TypeVar("T")

DEFAULT_MAX_RUNTIME = 86400  # seconds, where the request names none
CANNOT_PULL = (
    "ClientError: Cannot pull algorithm container. Either the image does not exist or its "
    "permissions are incorrect."
)
EXPECTED_IMAGE = "expected a PyTorch training image of AWS's account 763104351884"


class TrainingRun:
    """One training job, from its first state to its last.

    Parameters
    ----------
    request
        CreateTrainingJob's.
    record
        Holds how the job goes and how it ended.
    """

    def __init__(
        self, request: Json, record: TrainingRecord, context: JobContext, fault: Fault | None
    ) -> None:
        self._request = request
        self._record = record
        self._context = context
        self._fault = fault
        self._role = request["RoleArn"]
        self._s3 = context.account.s3(self._role)
        self._hosts: list[Host] = []
        self._stopping = asyncio.Event()
        self._threads = ThreadPoolExecutor(1)
        count = request["ResourceConfig"]["InstanceCount"]
        name = request["TrainingJobName"]
        self._log_files = [context.logs / f"training-{name}-algo-{i + 1}.log" for i in range(count)]
        algorithm = request["AlgorithmSpecification"]
        self._metrics = LogMetrics(algorithm.get("MetricDefinitions", []))

    def stop(self) -> None:
        """Make the job stop; `run` returns later."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._record.enter("Stopping")

    def metric_values(self) -> dict[str, list[float]]:
        """Return all values of each metric so far."""
        return self._metrics.values(self._log_files)

    async def run(self) -> None:
        """Run the job to its end; the record says how it ended.

        The cloud's end cancels this: then no process is left, and the record stays InProgress.
        """
        folder = Path(tempfile.mkdtemp(prefix="kennel-training-"))
        try:
            await self._run_within_limit(folder)
        except (JobFailed, TransferFailed) as error:
            self._record.enter("Failed", str(error))
        except Exception as error:  # a bug of the emulator: the service reports its own like this
            self._record.enter("Failed", f"InternalServerError: {error!r}")
            raise
        finally:
            for host in self._hosts:
                await host.kill()
            await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _run_blocking(self, work: Callable[..., T], *arguments: Any) -> T:
        """Run a blocking function in a thread; `run` awaits it before it removes the folder."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, work, *arguments)

    async def _run_within_limit(self, folder: Path) -> None:
        """Work until the job ends, StopTrainingJob is called or MaxRuntimeInSeconds is over."""
        condition = self._request.get("StoppingCondition", {})
        limit = condition.get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME)
        working = asyncio.ensure_future(self._work(folder))
        stopped = asyncio.ensure_future(self._stopping.wait())
        timeout = asyncio.ensure_future(self._context.clock.sleep(limit))
        try:
            await asyncio.wait({working, stopped, timeout}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                await working  # raises the error of a failed job
                return
            timed_out = not stopped.done()
            await asyncio.gather(*(host.stop(self._context.clock) for host in self._hosts))
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            if any(files_in(host.base / "model") for host in self._hosts):
                self._record.enter("Uploading")
            await self._upload()
            self._record.enter("MaxRuntimeExceeded" if timed_out else "Stopped")
        finally:
            for task in (working, stopped, timeout):
                task.cancel()
            await asyncio.gather(working, stopped, timeout, return_exceptions=True)

    async def _work(self, folder: Path) -> None:
        await apply_fault(self._fault)
        image = self._request["AlgorithmSpecification"].get("TrainingImage", "")
        if not can_train(image):
            raise JobFailed(f"{CANNOT_PULL} Offline, {image} cannot run: {EXPECTED_IMAGE}.")
        self._record.enter("Downloading")
        count = len(self._log_files)
        command = self._context.train_command
        self._hosts = [
            Host(folder / f"algo-{number + 1}", number, command) for number in range(count)
        ]
        for host in self._hosts:
            host.configure(self._request)
            await self._run_blocking(self._download_channels, host)
        mirrors = await self._run_blocking(prepare_mirrors, self._s3, self._request, self._hosts[0])
        self._record.enter("Training")  # on AWS it begins with the download of the image
        await self._check_pull(image)
        await self._train(mirrors)
        self._record.enter("Uploading")
        await self._upload()
        self._record.enter("Completed")

    async def _check_pull(self, image: str) -> None:
        try:
            await self._context.check_pull(image, self._role)
        except CannotPull as error:
            raise JobFailed(f"{CANNOT_PULL} {error}") from error

    def _download_channels(self, host: Host) -> None:
        for channel in self._request.get("InputDataConfig", []):
            source = channel["DataSource"]["S3DataSource"]
            prefix, keys = listed_objects(self._s3, source, self._role)
            if source.get("S3DataDistributionType") == "ShardedByS3Key":
                keys = keys[host.number :: len(self._log_files)]
            folder = host.base / "input/data" / channel["ChannelName"]
            folder.mkdir()
            download(self._s3, prefix, keys, folder)

    async def _train(self, mirrors: list[Mirror]) -> None:
        """Run the toolkit on every host; the first failure ends all.

        Raises
        ------
        JobFailed
            With the content of /opt/ml/output/failure.
        """
        environment = {
            **self._request.get("Environment", {}),
            **self._context.account.environment(self._role),
            "TRAINING_JOB_ARN": self._record.value["TrainingJobArn"],
        }
        (port,) = free_ports(1)
        account, name = self._context.account, self._request["TrainingJobName"]
        streams = log_streams(account.logs(self._role), name, self._log_files)
        cloudwatch = account.cloudwatch(self._role)
        metrics = MetricStream(cloudwatch, name, self.metric_values, self._context.clock)
        async with delivering([*streams, metrics, *mirrors], self._run_blocking):
            for host, log in zip(self._hosts, self._log_files, strict=True):
                self._begin_log(log)
                await host.start(self._request, environment, log, port)
            hosts = {asyncio.ensure_future(host.wait()): host for host in self._hosts}
            try:
                for exit_status in asyncio.as_completed(hosts):
                    if await exit_status:
                        break
            finally:
                for task, host in hosts.items():
                    task.cancel()
                    await host.kill()
                await asyncio.gather(*hosts, return_exceptions=True)
        for task, host in hosts.items():
            if not task.cancelled() and (status := task.result()):
                reason = host.failure().strip()
                if "InstallRequirementsError" in reason:  # it does not say what could not be
                    printed = self._log_files[host.number].read_text(errors="replace")
                    reason += f" ({pip_error(printed)})"
                raise JobFailed(f"AlgorithmError: {reason}, exit code: {status}")

    def _begin_log(self, log: Path) -> None:
        """Empty a host's log; its first line names what is recorded and not done offline."""
        members = ", ".join(recorded_only(self._request))
        line = f"[offline cloud] recorded, and not run here: {members}\n" if members else ""
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(line)

    async def _upload(self) -> None:
        """Upload the model and output/data; record the final metrics."""
        now = self._context.clock.now()
        if final := self._metrics.final(self._log_files, now):
            self._record.value["FinalMetricDataList"] = final
        for artifact, folder in (("model", "model"), ("output", "output/data")):
            folders = [host.base / folder for host in self._hosts]
            if any(True for each in folders for _ in files_in(each)):
                base = self._request["OutputDataConfig"]["S3OutputPath"]
                uri = join(base, self._request["TrainingJobName"], "output", f"{artifact}.tar.gz")
                await self._run_blocking(upload_archive, self._s3, folders, uri)
