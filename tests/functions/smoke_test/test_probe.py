import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from smoke_test.probe import INVOCATIONS, probe
from tests.functions.aws_account import BUCKET, Account, client_error

EVENT = {"probe": True, "candidate": {"prefix": "packages/abc/"}}


def account_with(answer: object) -> Account:
    account = Account(answer=answer)
    account.objects["packages/abc/smoke.jpg"] = b"a jpeg"
    return account


def run(account: Account) -> dict[str, int]:
    return probe(EVENT, "kennel", BUCKET, runtime=account.runtime, s3=account.s3)


def test_endpoint_is_invoked_with_the_photo() -> None:
    account = account_with({})
    assert run(account) == run(account) == {"invoked": INVOCATIONS, "failed": 0}
    requests = [request for name, request in account.calls if name == "InvokeEndpoint"]
    assert len(requests) == 2 * INVOCATIONS
    assert {request["Body"] for request in requests} == {b"a jpeg"}


@pytest.mark.parametrize(
    "answer",
    [
        client_error("ModelError", "500"),
        client_error("ValidationError", "Endpoint kennel not found."),
        ReadTimeoutError(endpoint_url="https://runtime"),
    ],
)
def test_errors_are_counted(answer: Exception) -> None:
    assert run(account_with(answer)) == {"invoked": INVOCATIONS, "failed": INVOCATIONS}


def test_denied_probe_fails() -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        run(account_with(client_error("AccessDeniedException", "You may not.")))
