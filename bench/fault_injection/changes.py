"""Change instances, the stack or the clock while the endpoint serves requests."""

import os
import signal

from fault_injection.case import case
from fault_injection.cloud import KennelUp
from fault_injection.expectations import expect, wait_until
from fault_injection.load import Load
from fault_injection.processes import SERVER

LEAST, MOST = 1, 5  # the template's MinInstances and MaxInstances


def _scale(cloud: KennelUp, minimum: int, maximum: int, instances: int) -> None:
    """Let autoscaling bring the endpoint to a number of instances, by its limits."""
    cloud.scale_between(minimum, maximum)
    wait_until(
        lambda: (
            cloud.endpoint()["EndpointStatus"] == "InService"
            and cloud.endpoint()["ProductionVariants"][0]["CurrentInstanceCount"] == instances
            and len(cloud.pids(SERVER)) == instances
        ),
        f"{instances} instances",
    )


@case("instances come and go by scaling, 1 to 3 to 1")
def scaling(cloud: KennelUp, load: Load) -> str:
    """Answer every request."""
    load.fault()
    _scale(cloud, 3, MOST, 3)
    load.until_steady()
    _scale(cloud, LEAST, 1, 1)
    load.until_steady()
    cloud.scale_between(LEAST, MOST)
    load.expect_only()
    return "three instances, then one"


@case("server SIGKILL of one of two instances")
def one_of_two_killed(cloud: KennelUp, load: Load) -> str:
    """Answer by the other one; only requests under way at the killed one may get 503."""
    _scale(cloud, 2, MOST, 2)
    load.until_steady()
    pid = cloud.pids(SERVER)[0]
    load.fault()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: pid not in cloud.pids(SERVER), "end of the process")
    wait_until(lambda: len(cloud.pids(SERVER)) == 2, "another server")
    load.until_steady()
    failed = len(load.failed())
    _scale(cloud, LEAST, 1, 1)
    cloud.scale_between(LEAST, MOST)
    load.expect_only(503)
    expect(failed <= load.clients, f"{failed} requests failed, expected {load.clients} at most")
    return "another server beside the one that went on"


@case("the stack updated: environment of the classifier, usage plan")
def stack_updated(cloud: KennelUp, load: Load) -> str:
    """Answer every request, and by the new settings once the update is complete."""
    load.fault()
    cloud.update_stack(LogSampleRate="0.5", RateLimit="25")
    rate = cloud.function("Classify")["Environment"]["Variables"]["LOG_SAMPLE_RATE"]
    expect(rate == "0.5", f"LOG_SAMPLE_RATE is {rate}")
    load.until_steady()
    cloud.update_stack(LogSampleRate="1", RateLimit="20")
    load.until_steady()
    load.expect_only()
    return "UPDATE_COMPLETE, twice"


@case("the offline clock jumps an hour ahead in an update of the endpoint")
def clock_jump_in_update(cloud: KennelUp, load: Load) -> str:
    """Release as before, since no alarm has gone off; answer every request."""
    before = cloud.endpoint()["EndpointConfigName"]
    arn = cloud.execute_until_update()
    load.fault()
    cloud.control("POST", "clock", {"skip": 3_600})
    cloud.wait_for_success(arn)
    expect(cloud.endpoint()["EndpointConfigName"] != before, "the old model serves")
    load.until_steady()
    load.expect_only()
    return "the execution succeeds"


@case("the offline clock jumps a day ahead")
def clock_jump(cloud: KennelUp, load: Load) -> str:
    """Answer every request, and release as before."""
    load.fault()
    cloud.control("POST", "clock", {"skip": 86_400})
    load.until_steady()
    seen = cloud.release()
    load.expect_only()
    return seen
