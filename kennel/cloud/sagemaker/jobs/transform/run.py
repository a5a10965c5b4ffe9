"""Run one transform job: send every object of a prefix through model servers.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html
"""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
from botocore.exceptions import ClientError

from kennel.cloud.runtime.store import Json
from kennel.cloud.sagemaker.endpoints.images import ImageResolver
from kennel.cloud.sagemaker.endpoints.instance import CannotServe, Container, Instance
from kennel.cloud.sagemaker.endpoints.snapshot import container_of, package_uri
from kennel.cloud.sagemaker.image_pulls import CannotPull
from kennel.cloud.sagemaker.jobs.context import JobContext
from kennel.cloud.sagemaker.jobs.logs import LogStream
from kennel.cloud.sagemaker.jobs.s3_sync import TransferFailed, join, listed_objects, split
from kennel.cloud.sagemaker.jobs.states import JobFailed
from kennel.cloud.sagemaker.packages import CannotDownload, download_package

LOG_GROUP = "/aws/sagemaker/TransformJobs"
MEGABYTE = 1 << 20
#: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
DEFAULT_PAYLOAD_MB = 6
DEFAULT_TIMEOUT = 600  # InvocationsTimeoutInSeconds
CLIENT_ERROR = "ClientError: See job logs for more information"
NO_PING = (
    "AlgorithmError: Model container failed to respond to ping; Ensure /ping endpoint is "
    "implemented and responds with an HTTP 200 status code"
)
ALGORITHM_ERROR = "AlgorithmError: See job logs for more information"


class ObjectFailed(Exception):  # noqa: N818
    """One object could not be transformed; the message goes to the job's data log."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class TransformRun:
    """One transform job.

    Parameters
    ----------
    request
        CreateTransformJob's.
    model
        As DescribeModel answers it.
    """

    def __init__(
        self, request: Json, model: Json, context: JobContext, resolve_image: ImageResolver
    ) -> None:
        self._request = request
        self._container = container_of(model)
        self._role = model["ExecutionRoleArn"]
        self._context = context
        self._resolve_image = resolve_image
        self._s3 = context.account.s3(self._role)
        self._instances: list[Instance] = []
        name = request["TransformJobName"]
        self._data_log = context.logs / f"transform-{name}-data-log.log"
        count = request["TransformResources"]["InstanceCount"]
        self._logs = [context.logs / f"transform-{name}-{number}.log" for number in range(count)]

    async def run(self) -> None:
        """Transform every object of the prefix.

        Raises
        ------
        JobFailed
            When the model cannot be served, there is no input, or an object failed; the outputs
            of the other objects are kept.
        """
        for log in (self._data_log, *self._logs):
            log.unlink(missing_ok=True)
        try:
            source = self._request["TransformInput"]["DataSource"]["S3DataSource"]
            prefix, keys = await asyncio.to_thread(listed_objects, self._s3, source, self._role)
            await self._start_instances()
            failed = await self._transform(keys, prefix)
        except TransferFailed as error:
            raise JobFailed(str(error)) from error
        finally:
            await asyncio.gather(*(each.stop() for each in self._instances))
            await asyncio.to_thread(self._send_logs)
        if failed:
            worst = max(error.status for error in failed)
            raise JobFailed(CLIENT_ERROR if worst < 500 else ALGORITHM_ERROR)  # noqa: PLR2004

    async def _start_instances(self) -> None:
        """Start InstanceCount model servers."""
        image = self._container.get("Image", "")
        command = await self._resolve_image(image)
        cannot_pull = (
            f"ClientError: Cannot pull the image {image}. Either the image does not exist or its "
            "permissions are incorrect."
        )
        if command is None:
            raise JobFailed(cannot_pull)
        try:
            await self._context.check_pull(image, self._role)
        except CannotPull as error:
            raise JobFailed(f"{cannot_pull} {error}") from error
        with tempfile.TemporaryDirectory(prefix="kennel-transform-") as folder:
            container = Container(
                command=command,
                package=await asyncio.to_thread(self._download_package, Path(folder)),
                environment={
                    **self._container.get("Environment", {}),
                    **self._request.get("Environment", {}),
                    "SAGEMAKER_BATCH": "true",
                    "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(self._payload_mb),
                    "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": str(self._concurrent),
                    "SAGEMAKER_BATCH_STRATEGY": self._request.get("BatchStrategy", "MultiRecord"),
                },
                invoke_seconds=self._request.get("ModelClientConfig", {}).get(
                    "InvocationsTimeoutInSeconds", DEFAULT_TIMEOUT
                ),
            )
            try:
                for log in self._logs:
                    instance = await Instance.start(container, log, self._context.clock)
                    self._instances.append(instance)
            except CannotServe as error:
                raise JobFailed(NO_PING) from error

    def _download_package(self, folder: Path) -> Path | None:
        uri = package_uri(self._container)
        if uri is None:
            return None
        try:
            return download_package(self._context.account, uri, self._role, folder / "model.tar.gz")
        except CannotDownload as error:
            raise JobFailed(f"ClientError: {error}") from error

    @property
    def _concurrent(self) -> int:
        value: int = self._request.get("MaxConcurrentTransforms") or 1
        return value

    @property
    def _payload_mb(self) -> int:
        value: int = self._request.get("MaxPayloadInMB", DEFAULT_PAYLOAD_MB)
        return value

    async def _transform(self, keys: list[str], source: str) -> list[ObjectFailed]:
        """Transform each object; return the failures."""
        remaining = iter(keys)
        failed: list[ObjectFailed] = []

        async def work(instance: Instance) -> None:
            for key in remaining:  # shared by the workers: each object is taken once
                try:
                    await self._transform_one(instance, key, source)
                except (ObjectFailed, ClientError) as error:
                    failure = error if isinstance(error, ObjectFailed) else ObjectFailed(str(error))
                    failed.append(failure)
                    self._write_data_log(key, str(failure))

        async with asyncio.TaskGroup() as group:
            for instance in self._instances:
                for _ in range(self._concurrent):
                    group.create_task(work(instance))
        return failed

    async def _transform_one(self, instance: Instance, key: str, source: str) -> None:
        bucket, prefix = split(source)
        body = await asyncio.to_thread(self._read, bucket, key)
        answers = [await self._invoke(instance, record) for record in self._records(body)]
        output = self._request["TransformOutput"]
        separator = b"\n" if output.get("AssembleWith") == "Line" else b""
        body = b"".join(answer + separator for answer in answers)
        name = key.removeprefix(prefix[: prefix.rfind("/") + 1])
        to_bucket, to_key = split(join(output["S3OutputPath"], f"{name}.out"))
        await asyncio.to_thread(self._s3.put_object, Bucket=to_bucket, Key=to_key, Body=body)

    def _read(self, bucket: str, key: str) -> bytes:
        body: bytes = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def _records(self, body: bytes) -> Iterator[bytes]:
        """Yield the request bodies of an object, by SplitType and BatchStrategy."""
        limit = self._payload_mb * MEGABYTE or None
        if self._request["TransformInput"].get("SplitType", "None") == "None":
            records, batched = [body], False
        else:
            records = body.splitlines(keepends=True)
            batched = self._request.get("BatchStrategy", "MultiRecord") == "MultiRecord"
        batch = b""
        for record in records:
            if limit and len(record) > limit:
                raise ObjectFailed(
                    f"ClientError: a record of {len(record)} bytes is over MaxPayloadInMB"
                )
            if batch and (not batched or (limit and len(batch) + len(record) > limit)):
                yield batch
                batch = b""
            batch += record
        yield batch

    async def _invoke(self, instance: Instance, body: bytes) -> bytes:
        transform_input = self._request["TransformInput"]
        headers = {"content-type": transform_input.get("ContentType", "application/octet-stream")}
        if accept := self._request["TransformOutput"].get("Accept"):
            headers["accept"] = accept
        try:
            response = await instance.invoke(body, headers)
        except httpx.HTTPError as error:
            raise ObjectFailed(f"InternalServerError: no answer ({error!r})", 500) from error
        if not response.is_success:
            kind = "ClientError" if response.status_code < 500 else "AlgorithmError"  # noqa: PLR2004
            message = f"{kind}: {response.status_code}\n\nMessage:\n{response.text}"
            raise ObjectFailed(message, response.status_code)
        return response.content

    def _write_data_log(self, key: str, message: str) -> None:
        """Add the reason of an object's failure to the data log."""
        bucket = split(self._request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"])[0]
        self._data_log.parent.mkdir(parents=True, exist_ok=True)
        with self._data_log.open("a") as log:
            for line in message.splitlines():
                log.write(f"[sagemaker logs]: {bucket}/{key}: {line}\n")

    def _send_logs(self) -> None:
        logs = self._context.account.logs(self._role)
        stamp, name = int(time.time()), self._request["TransformJobName"]
        streams = [(f"{name}/i-{number:017x}", file) for number, file in enumerate(self._logs, 1)]
        streams.append((f"{streams[0][0]}/data-log", self._data_log))
        for stream, file in streams:
            with contextlib.suppress(FileNotFoundError):
                LogStream(logs, LOG_GROUP, f"{stream}-{stamp}", file).send()
