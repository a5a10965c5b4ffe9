"""The work of one transform job: serving processes, and every object of a prefix through them.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html
"""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from botocore.exceptions import ClientError

from kennel.cloud.runtime.store import Json
from kennel.cloud.sagemaker.endpoints.instance import CannotServe, Container, Images, Instance
from kennel.cloud.sagemaker.jobs.logs import LogStream
from kennel.cloud.sagemaker.jobs.s3_sync import TransferFailed, download, join, keys_below, split
from kennel.cloud.sagemaker.jobs.training.run import Place

LOG_GROUP = "/aws/sagemaker/TransformJobs"
MEGABYTE = 1 << 20
DEFAULT_PAYLOAD_MB = (
    6  # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
)
DEFAULT_TIMEOUT = 600  # seconds for an invocation, of ModelClientConfig
CLIENT_ERROR = "ClientError: See job logs for more information"
NO_PING = (
    "AlgorithmError: Model container failed to respond to ping; Ensure /ping endpoint is "
    "implemented and responds with an HTTP 200 status code"
)
ALGORITHM_ERROR = "AlgorithmError: See job logs for more information"


class TransformFailed(Exception):  # noqa: N818
    """The message is the job's FailureReason."""


class ObjectFailed(Exception):  # noqa: N818
    """One object could not be transformed; the message is for the job's data log."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class TransformRun:
    """One job.

    Parameters
    ----------
    request
        CreateTransformJob's.
    model
        The model, as DescribeModel answers it.
    """

    def __init__(self, request: Json, model: Json, place: Place, images: Images) -> None:
        self._request = request
        self._container = model.get("PrimaryContainer") or model["Containers"][0]
        self._role = model["ExecutionRoleArn"]
        self._place = place
        self._images = images
        self._s3 = place.account.client("s3", self._role)
        self._instances: list[Instance] = []
        name = request["TransformJobName"]
        self._data_log = place.logs / f"transform-{name}-data-log.log"
        count = request["TransformResources"]["InstanceCount"]
        self._logs = [place.logs / f"transform-{name}-{number}.log" for number in range(count)]

    async def run(self) -> None:
        """Transform every object of the prefix.

        Raises
        ------
        TransformFailed
            When the model cannot be served, there is no input, or an object failed; the outputs
            of the others are there.
        """
        for log in (self._data_log, *self._logs):
            log.unlink(missing_ok=True)
        try:
            source = self._request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
            keys = await asyncio.to_thread(keys_below, self._s3, source, self._role)
            await self._serve()
            failed = await self._transform(keys, source)
        except TransferFailed as error:
            raise TransformFailed(str(error)) from error
        finally:
            await asyncio.gather(*(each.stop() for each in self._instances))
            await asyncio.to_thread(self._send_logs)
        if failed:
            worst = max(error.status for error in failed)
            raise TransformFailed(CLIENT_ERROR if worst < 500 else ALGORITHM_ERROR)  # noqa: PLR2004

    async def _serve(self) -> None:
        """Start the instances, as many as were asked for."""
        image = self._container.get("Image", "")
        command = await self._images(image)
        if command is None:
            raise TransformFailed(
                f"ClientError: Cannot pull the image {image}. Either the image does not exist or "
                "its permissions are incorrect."
            )
        with tempfile.TemporaryDirectory(prefix="kennel-transform-") as folder:
            container = Container(
                command=command,
                package=await asyncio.to_thread(self._package, Path(folder)),
                environment={
                    **self._container.get("Environment", {}),
                    **self._request.get("Environment", {}),
                    "SAGEMAKER_BATCH": "true",
                    "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(self._payload_mb),
                    "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": str(self._at_once),
                    "SAGEMAKER_BATCH_STRATEGY": self._request.get("BatchStrategy", "MultiRecord"),
                },
                invoke_seconds=self._request.get("ModelClientConfig", {}).get(
                    "InvocationsTimeoutInSeconds", DEFAULT_TIMEOUT
                ),
            )
            try:
                for log in self._logs:
                    instance = await Instance.start(container, log, self._place.clock)
                    self._instances.append(instance)
            except CannotServe as error:
                raise TransformFailed(NO_PING) from error

    def _package(self, folder: Path) -> Path | None:
        source = self._container.get("ModelDataSource", {}).get("S3DataSource", {})
        uri: str | None = self._container.get("ModelDataUrl") or source.get("S3Uri")
        if uri is None:
            return None
        download(self._s3, uri, [split(uri)[1]], folder)
        return folder / uri.rpartition("/")[2]

    @property
    def _at_once(self) -> int:
        value: int = self._request.get("MaxConcurrentTransforms") or 1
        return value

    @property
    def _payload_mb(self) -> int:
        value: int = self._request.get("MaxPayloadInMB", DEFAULT_PAYLOAD_MB)
        return value

    async def _transform(self, keys: list[str], source: str) -> list[ObjectFailed]:
        """Send each object through an instance; return what failed."""
        waiting = iter(keys)
        failed: list[ObjectFailed] = []

        async def work(instance: Instance) -> None:
            for key in waiting:  # shared: each object is taken once
                try:
                    await self._transform_one(instance, key, source)
                except (ObjectFailed, ClientError) as error:
                    told = error if isinstance(error, ObjectFailed) else ObjectFailed(str(error))
                    failed.append(told)
                    self._note(key, str(told))

        async with asyncio.TaskGroup() as group:
            for instance in self._instances:
                for _ in range(self._at_once):
                    group.create_task(work(instance))
        return failed

    async def _transform_one(self, instance: Instance, key: str, source: str) -> None:
        bucket, prefix = split(source)
        body = await asyncio.to_thread(self._read, bucket, key)
        answers = [await self._ask(instance, record) for record in self._records(body)]
        output = self._request["TransformOutput"]
        glue = b"\n" if output.get("AssembleWith") == "Line" else b""
        body = b"".join(answer + glue for answer in answers)
        name = key.removeprefix(prefix[: prefix.rfind("/") + 1])
        to_bucket, to_key = split(join(output["S3OutputPath"], f"{name}.out"))
        await asyncio.to_thread(self._s3.put_object, Bucket=to_bucket, Key=to_key, Body=body)

    def _read(self, bucket: str, key: str) -> bytes:
        body: bytes = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def _records(self, body: bytes) -> Iterator[bytes]:
        """Yield the bodies of the requests that an object comes to."""
        most = self._payload_mb * MEGABYTE or None
        if self._request["TransformInput"].get("SplitType", "None") == "None":
            records, joined = [body], False
        else:
            records = body.splitlines(keepends=True)
            joined = self._request.get("BatchStrategy", "MultiRecord") == "MultiRecord"
        batch = b""
        for record in records:
            if most and len(record) > most:
                raise ObjectFailed(
                    f"ClientError: a record of {len(record)} bytes is over MaxPayloadInMB"
                )
            if batch and (not joined or (most and len(batch) + len(record) > most)):
                yield batch
                batch = b""
            batch += record
        yield batch

    async def _ask(self, instance: Instance, body: bytes) -> bytes:
        given, wanted = self._request["TransformInput"], self._request["TransformOutput"]
        headers = {"content-type": given.get("ContentType", "application/octet-stream")}
        if accept := wanted.get("Accept"):
            headers["accept"] = accept
        try:
            answer = await instance.invoke(body, headers)
        except httpx.HTTPError as error:
            raise ObjectFailed(f"InternalServerError: no answer ({error!r})", 500) from error
        if not answer.is_success:
            kind = "ClientError" if answer.status_code < 500 else "AlgorithmError"  # noqa: PLR2004
            message = f"{kind}: {answer.status_code}\n\nMessage:\n{answer.text}"
            raise ObjectFailed(message, answer.status_code)
        return answer.content

    def _note(self, key: str, message: str) -> None:
        """Add to the data log, where the service says which object failed and why."""
        bucket = split(self._request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"])[0]
        self._data_log.parent.mkdir(parents=True, exist_ok=True)
        with self._data_log.open("a") as log:
            for line in message.splitlines():
                log.write(f"[sagemaker logs]: {bucket}/{key}: {line}\n")

    def _send_logs(self) -> None:
        logs: Any = self._place.account.client("logs", self._role)
        stamp, name = int(time.time()), self._request["TransformJobName"]
        streams = [(f"{name}/i-{number:017x}", file) for number, file in enumerate(self._logs, 1)]
        streams.append((f"{streams[0][0]}/data-log", self._data_log))
        for stream, file in streams:
            with contextlib.suppress(FileNotFoundError):
                LogStream(logs, LOG_GROUP, f"{stream}-{stamp}", file).send()
