"""Faults after which `kennel up` is started again: killed, state damaged, disk full."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from fault_injection.case import case
from fault_injection.cloud import KennelUp
from fault_injection.disk import DISK_SIZE
from fault_injection.expectations import expect, wait_until
from fault_injection.load import Load, Request

BUCKET = "kennel-bucket"
WORKER = "dogbreeds.serving.worker"


@case("disk of the state full, then room again")
def full_disk(cloud: KennelUp, load: Load) -> str:
    """Refuse writes, go on with photos; accept writes once there is room."""
    expect(os.path.ismount(cloud.state), f"not run: no {DISK_SIZE} disk can be mounted here")
    s3, filler = cloud.aws("s3"), cloud.state / "filler"
    load.fault()
    try:
        with filler.open("wb") as file:
            while True:
                file.write(bytes(2**20))
    except OSError:
        pass
    refused = _code(s3.put_object, Bucket=BUCKET, Key="late", Body=bytes(2**20))
    expect(refused == "503 ServiceUnavailable", f"PutObject: {refused}")
    container = {"Image": "kennel/serving:offline"}
    role = "arn:aws:iam::123456789012:role/kennel-ModelRole"
    model = {"ModelName": "late", "PrimaryContainer": container, "ExecutionRoleArn": role}
    refused = _code(cloud.aws("sagemaker").create_model, **model)
    expect(refused == "503 ServiceUnavailable", f"CreateModel: {refused}")
    wait_until(cloud.not_well, "word of it in /kennel/health")
    load.until_steady()
    filler.unlink()
    wait_until(lambda: not cloud.not_well(), "health in /kennel/health")
    s3.put_object(Bucket=BUCKET, Key="late", Body=bytes(2**20))
    seen = cloud.release()
    load.expect_only()
    return f"PutObject and CreateModel get {refused}; with room {seen}"


def _code(call: Callable[..., Any], **parameters: Any) -> str:
    try:
        call(**parameters)
    except ClientError as error:
        answer: Any = error.response
        return f"{answer['ResponseMetadata']['HTTPStatusCode']} {answer['Error']['Code']}"
    return "no refusal"


@case("endpoint deleted, SIGTERM, `up`")
def endpoint_deleted(cloud: KennelUp, load: Load) -> str:
    """Release the model again at `up`."""
    load.fault()
    cloud.aws("sagemaker").delete_endpoint(EndpointName="kennel")
    cloud.terminate()
    cloud.wait()
    cloud.start()
    load.until_steady()
    load.expect_only(0, 503)
    return f"the endpoint is {cloud.endpoint()['EndpointStatus']}"


@case("moto's process SIGKILL, `up`, execution")
def moto_killed(cloud: KennelUp, load: Load) -> str:
    """End with one sentence; go on at `up`."""
    pid = cloud.one_pid("moto_backend.app")
    load.fault()
    os.kill(pid, signal.SIGKILL)
    status = cloud.wait()
    sentence = cloud.printed().strip().splitlines()[-1]
    expect(status == 1 and "killed by signal 9" in sentence, f"status {status}: {sentence}")
    expect("Traceback" not in cloud.printed(), "a traceback")
    cloud.start()
    load.until_steady()
    return f"status 1 and a sentence; then {cloud.release()}"


@case("all SIGKILL in an update, `up`, execution")
def all_killed(cloud: KennelUp, load: Load) -> str:
    """Abort the execution and take its update back; serve and scale the old model."""
    before = cloud.endpoint()["EndpointConfigName"]
    arn = cloud.execute_until_update()
    load.fault()
    cloud.kill()
    cloud.start()
    load.until_steady()
    ended = cloud.execution(arn)
    seen = f"{ended['status']} {ended['error']}"
    expect(seen == "ABORTED OfflineCloud.Interrupted", seen)
    after = cloud.endpoint()["EndpointConfigName"]
    expect(after == before, f"{after} serves, expected {before}")
    wait_until(cloud.scales, "registration for scaling")
    return f"{seen}; the old model serves and scales; then {cloud.release()}"


def _garbage(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(os.urandom(8192))


def _halve(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _largest(folder: Path) -> Path:
    return max(folder.iterdir(), key=lambda path: path.stat().st_size)


#: Ways to damage the state: a name, the damage, and which file of the state folder it is done to.
DAMAGES: list[tuple[str, Callable[[Path], None], Callable[[Path], Path]]] = [
    ("garbage in services.sqlite", _garbage, lambda state: state / "services.sqlite"),
    ("garbage in moto.sqlite", _garbage, lambda state: state / "moto.sqlite"),
    ("services.sqlite cut", _halve, lambda state: state / "services.sqlite"),
    ("moto.sqlite cut", _halve, lambda state: state / "moto.sqlite"),
    ("services.sqlite missing", Path.unlink, lambda state: state / "services.sqlite"),
    ("moto.sqlite missing", Path.unlink, lambda state: state / "moto.sqlite"),
    ("model.tar.gz cut", _halve, lambda state: _largest(state / "moto.files")),
    ("model.tar.gz missing", Path.unlink, lambda state: _largest(state / "moto.files")),
    ("index.json of an older version", Path.touch, lambda state: state / "index.json"),
]


@case(f"state damaged in {len(DAMAGES)} ways, `up`, put back, `up`")
def damaged_state(cloud: KennelUp, load: Load) -> str:
    """Refuse each in one sentence with file and remedy; once put back, go on."""
    before = cloud.endpoint()["EndpointConfigName"]
    load.fault()
    cloud.terminate()
    cloud.wait()
    copy = cloud.state.with_name("copy")
    cloud.keep_state(copy)
    for name, damage, file_of in DAMAGES:
        file = file_of(cloud.state)
        damage(file)
        status = cloud.wait(begin=True)
        lines = cloud.printed().strip().splitlines()
        advice = [each for each in lines if file.name in each and "kennel up --fresh" in each]
        expect(
            status == 1 and len(advice) == 1 and len(lines) <= 3,
            f"{name}: status {status}, {len(lines)} lines, the last {lines[-1:]}",
        )
        cloud.put_back(copy)
    shutil.rmtree(copy)
    load.fault()  # from here on, or the time without a cloud would count
    cloud.start()
    load.until_steady()
    after = cloud.endpoint()["EndpointConfigName"]
    expect(after == before, f"{after} serves, expected {before}")
    return f"{len(DAMAGES)} times status 1 and a sentence; then the same model serves"


@case("SIGTERM with slow photos in flight")
def slow_photos(cloud: KennelUp, load: Load) -> str:
    """Answer them, then end."""
    worker, answers = cloud.one_pid(WORKER), list[Request]()
    os.kill(worker, signal.SIGSTOP)
    senders = [threading.Thread(target=lambda: answers.append(load.send())) for _ in range(2)]
    for sender in senders:
        sender.start()
    time.sleep(1.5)
    load.fault()
    cloud.terminate()
    time.sleep(1.5)
    os.kill(worker, signal.SIGCONT)
    for sender in senders:
        sender.join()
    cloud.wait()
    statuses = [each.status for each in answers]
    expect(statuses == [200, 200], f"the slow photos got {statuses}")
    cloud.start()
    load.until_steady()
    load.expect_only(0, 503)
    return "both slow photos 200; `up` serves again"
