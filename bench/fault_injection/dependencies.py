"""Faults of the services that an execution calls: SageMaker throttles, S3 answers 500."""

from fault_injection.case import case
from fault_injection.cloud import KennelUp
from fault_injection.expectations import expect
from fault_injection.load import Load
from fault_injection.releases import serves
from fault_injection.s3_proxy import failing_s3

THROTTLED = ("DescribeEndpoint", "DescribeEndpointConfig", "CreateModel", "CreateEndpointConfig")


@case("SageMaker's control plane throttled: each call's first two tries")
def throttled(cloud: KennelUp, load: Load) -> str:
    """Try again, and succeed; answer every request."""
    load.fault()
    throttle = {"how": "throttle", "times": 2}
    actions = (*THROTTLED, "UpdateEndpoint")
    cloud.control("POST", "faults", [{"on": each, **throttle} for each in actions])
    seen = cloud.release()
    left = [each["on"] for each in cloud.control("GET", "faults")]
    cloud.control("DELETE", "faults")
    expect(not left, f"never called: {left}")
    load.expect_only()
    return seen


@case("S3 answers 500 to a state's first two calls")
def s3_fails_twice(cloud: KennelUp, load: Load) -> str:
    """Try again, and succeed; answer every request."""
    load.fault()
    with failing_s3(cloud, "FindPackage", 2) as s3:
        seen = cloud.release()
        expect(s3.failed == 2, f"{s3.failed} calls got 500")
    load.expect_only()
    return seen


@case("S3 answers 500 to all calls of a state")
def s3_fails(cloud: KennelUp, load: Load) -> str:
    """End the execution FAILED with S3's error; keep the model; answer every request."""
    before = cloud.endpoint()["EndpointConfigName"]
    load.fault()
    with failing_s3(cloud, "FindPackage", 10**6):
        ended = cloud.wait_for_end(cloud.execute())
    expect(ended["status"] == "FAILED", ended["status"])
    expect("InternalError" in ended["cause"], ended["cause"])
    expect(serves(cloud, before), "another model serves")
    load.expect_only()
    return f"FAILED, {ended['error']} of S3's InternalError; then {cloud.release()}"
