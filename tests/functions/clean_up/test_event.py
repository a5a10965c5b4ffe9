from clean_up.event import executions_of
from common.execution import Execution


def test_event_of_an_execution_and_of_its_redrives() -> None:
    detail = {"executionArn": "arn:e", "status": "ABORTED"}
    assert executions_of({"detail": detail}) == [Execution("arn:e")]
    again = {**detail, "redriveCount": 2}
    assert executions_of({"detail": again}) == [Execution("arn:e", n) for n in range(3)]
