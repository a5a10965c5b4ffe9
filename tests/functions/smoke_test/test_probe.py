import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from smoke_test.probe import INVOCATIONS, probe
from tests.functions.account import BUCKET, Account, refusal

EVENT = {"probe": True, "candidate": {"prefix": "code/abc/"}}


def account(answer: object) -> Account:
    made = Account(answer=answer)
    made.objects["code/abc/smoke.jpg"] = b"a jpeg"
    return made


def run(made: Account) -> dict[str, int]:
    return probe(EVENT, "kennel", BUCKET, runtime=made.runtime, s3=made.s3)


def test_it_asks_with_the_photo_and_counts() -> None:
    made = account({})
    assert run(made) == run(made) == {"asked": INVOCATIONS, "failed": 0}
    asked = [request for name, request in made.calls if name == "InvokeEndpoint"]
    assert len(asked) == 2 * INVOCATIONS
    assert {request["Body"] for request in asked} == {b"a jpeg"}


@pytest.mark.parametrize(
    "answer",
    [
        refusal("ModelError", "500"),
        refusal("ValidationError", "Endpoint kennel not found."),
        ReadTimeoutError(endpoint_url="https://runtime"),
    ],
)
def test_errors_are_what_the_alarms_are_for(answer: Exception) -> None:
    assert run(account(answer)) == {"asked": INVOCATIONS, "failed": INVOCATIONS}


def test_probe_that_may_not_ask_fails() -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        run(account(refusal("AccessDeniedException", "You may not.")))
