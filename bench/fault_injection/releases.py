"""Make executions and releases fail, be stopped, or release a wrong model."""

import io
import json
import tarfile
import time

from fault_injection.case import case
from fault_injection.cloud import KennelUp
from fault_injection.expectations import expect, wait_until
from fault_injection.load import Load


@case("a good release under load")
def good_release(cloud: KennelUp, load: Load) -> str:
    """Answer every request."""
    before = cloud.endpoint()["EndpointConfigName"]
    seen = cloud.release()
    expect(cloud.endpoint()["EndpointConfigName"] != before, "the endpoint was not updated")
    load.expect_only()
    return seen


@case("a wrong model, whose own card agrees with it")
def wrong_model(cloud: KennelUp, load: Load) -> str:
    """Roll it back; give no client its answers."""
    sagemaker = cloud.aws("sagemaker")
    right = cloud.endpoint()["EndpointConfigName"]
    config = sagemaker.describe_endpoint_config(EndpointConfigName=right)
    model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    container = model["PrimaryContainer"]
    bucket, _, key = container["ModelDataUrl"].removeprefix("s3://").partition("/")
    package = cloud.aws("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    wrong = key.replace("model.tar.gz", "wrong.tar.gz")
    cloud.aws("s3").put_object(Bucket=bucket, Key=wrong, Body=_mislabel(package))
    sagemaker.create_model(
        ModelName="wrong",
        PrimaryContainer={**container, "ModelDataUrl": f"s3://{bucket}/{wrong}"},
        ExecutionRoleArn=model["ExecutionRoleArn"],
    )
    variants = [{**each, "ModelName": "wrong"} for each in config["ProductionVariants"]]
    sagemaker.create_endpoint_config(EndpointConfigName="wrong", ProductionVariants=variants)
    rights = {each.answer for each in load.requests() if not each.failed}
    expect(rights, "no photo was answered before")
    load.fault()
    sagemaker.update_endpoint(EndpointName="kennel", EndpointConfigName="wrong")
    wait_until(lambda: cloud.endpoint()["EndpointStatus"] == "InService", "end of the update")
    load.until_steady()
    expect(cloud.endpoint()["EndpointConfigName"] == right, "the wrong model serves")
    load.expect_only()
    answers = {each.answer for each in load.requests()}
    expect(answers <= rights, f"answers of the wrong model: {answers - rights}")
    sagemaker.delete_endpoint_config(EndpointConfigName="wrong")
    sagemaker.delete_model(ModelName="wrong")
    return "rolled back; every answer is the old model's"


def _mislabel(package: bytes) -> bytes:
    """Return the package with its breeds' names moved by one, and its smoke breed renamed too."""
    changed = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(package)) as old,
        tarfile.open(fileobj=changed, mode="w:gz", compresslevel=1) as new,
    ):
        files = {each: old.extractfile(each) for each in old.getmembers()}
        contents = {each.name: file.read() for each, file in files.items() if file}
        breeds = json.loads(contents["breeds.json"])
        moved = [*breeds[1:], breeds[0]]
        now_called = {a["breed"]: b["breed"] for a, b in zip(breeds, moved, strict=True)}
        card = json.loads(contents["card.json"])
        card["smoke_breed"] = now_called[card["smoke_breed"]]
        contents |= {"breeds.json": json.dumps(moved).encode()}
        contents |= {"card.json": json.dumps(card).encode()}
        for each in files:
            each.size = len(contents.get(each.name, b""))
            new.addfile(each, io.BytesIO(contents.get(each.name, b"")))
    return changed.getvalue()


@case("stop of an execution in its first half second")
def early_stop(cloud: KennelUp, load: Load) -> str:
    """End it ABORTED; leave the endpoint as it was."""
    before = cloud.endpoint()["EndpointConfigName"]
    arn = cloud.execute()
    load.fault()
    cloud.stop_execution(arn)
    ended = cloud.wait_for_end(arn)
    seen = f"{ended['status']}, {ended.get('error')}: {ended.get('cause')}"
    expect(seen == "ABORTED, Stopped: by hand", seen)
    expect(serves(cloud, before), "another model serves")
    load.expect_only()
    return seen


@case("ten executions that fail at once")
def ten_failures(cloud: KennelUp, load: Load) -> str:
    """End each FAILED with its own cause; clean up after each."""
    load.fault()
    arns = [cloud.execute('"no object"') for _ in range(10)]
    states, machine = cloud.aws("stepfunctions"), cloud.machine("CleanUp")

    def clean_ups() -> list[str]:
        listed = states.list_executions(stateMachineArn=machine)["executions"]
        described = [states.describe_execution(executionArn=e["executionArn"]) for e in listed]
        return [e["status"] for e in described if json.loads(e["input"])["executionArn"] in arns]

    wait_until(lambda: clean_ups() == ["SUCCEEDED"] * 10, "end of every clean-up")
    ended = [cloud.execution(arn) for arn in arns]
    errors = {(each["status"], each["error"]) for each in ended}
    expect(errors == {("FAILED", "PreflightFailed")}, str(errors))
    expect(not any("cleaning up" in each["cause"] for each in ended), "a clean-up failed")
    load.expect_only()
    return "ten times FAILED, PreflightFailed; ten clean-ups SUCCEEDED"


@case("an execution stopped in its update of the endpoint")
def aborted_release(cloud: KennelUp, load: Load) -> str:
    """End it ABORTED; put the old model and its scaling back; answer every request."""
    before = cloud.endpoint()["EndpointConfigName"]
    arn = cloud.execute_until_update()
    load.fault()
    began = time.monotonic()
    cloud.stop_execution(arn)
    wait_until(lambda: cloud.execution(arn)["status"] == "ABORTED", "end of the execution")
    wait_until(lambda: serves(cloud, before) and cloud.scales(), "clean-up")
    seconds = time.monotonic() - began
    load.until_steady()
    load.expect_only()
    return f"ABORTED; the old model serves and scales again after {seconds:.0f} s"


def serves(cloud: KennelUp, config: str) -> bool:
    """Return whether the endpoint is in service with a configuration."""
    endpoint = cloud.endpoint()
    return (endpoint["EndpointConfigName"], endpoint["EndpointStatus"]) == (config, "InService")


@case("two executions at once")
def two_executions(cloud: KennelUp, load: Load) -> str:
    """Release one, and tell the other one's owner why it failed, or release both in turn."""
    load.fault()
    arns = [cloud.execute() for _ in range(2)]
    ended = [cloud.wait_for_end(arn) for arn in arns]
    statuses = sorted(each["status"] for each in ended)
    errors = [each["error"] for each in ended if each["status"] != "SUCCEEDED"]
    expect("SUCCEEDED" in statuses, f"{statuses} {errors}")
    expect(set(errors) <= {"ReleaseRefused"}, str(errors))
    wait_until(lambda: cloud.endpoint()["EndpointStatus"] == "InService" and cloud.scales(), "end")
    released = [json.loads(e["output"]) for e in ended if e["status"] == "SUCCEEDED"]
    configs = {each["release"]["config_name"] for each in released}
    expect(cloud.endpoint()["EndpointConfigName"] in configs, "a failed execution's model serves")
    load.until_steady()
    load.expect_only()
    return f"{' and '.join(statuses)}{f' ({errors[0]})' if errors else ''}"
