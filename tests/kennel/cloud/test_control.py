from typing import cast

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from kennel.cloud.awslambda.async_invoke import AsynchronousInvocations
from kennel.cloud.awslambda.functions import NoSuchFunction
from kennel.cloud.cloudformation.custom_resources import CustomResources
from kennel.cloud.control import Control
from kennel.cloud.origins import TOKEN_HEADER
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.faults import Faults
from kennel.cloud.runtime.health import Health
from kennel.errors import KennelError


class Queue:
    """Keeps what is sent to the function "known"."""

    def __init__(self) -> None:
        self.events: list[bytes] = []

    def send(self, function: str, payload: bytes) -> str:
        if function != "known":
            raise NoSuchFunction(function)
        self.events.append(payload)
        return "id"


class Custom:
    """Knows the token "t"."""

    def answer(self, token: str, body: bytes) -> bool:
        return token == "t"


def delete(keep: bool) -> list[str]:
    if not keep:
        raise KennelError("DELETE_FAILED: Bucket is not empty")
    return ["Bucket"]


QUEUE, CLOCK, HEALTH = Queue(), Clock(speed=0), Health()
TOKEN = "the control token"


@pytest.fixture
def client() -> TestClient:
    control = Control(
        cast("AsynchronousInvocations", QUEUE),
        cast("CustomResources", Custom()),
        CLOCK,
        Faults(),
        delete=delete,
        health=HEALTH,
        token=TOKEN,
        sns_token="s",
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await control.answer(Request(scope, receive))
        await response(scope, receive, send)

    return TestClient(app, headers={TOKEN_HEADER: TOKEN})


def test_the_clock_is_read_and_moved(client: TestClient) -> None:
    before = client.get("/kennel/clock").json()
    after = client.post("/kennel/clock", json={"skip": 60}).json()
    assert after == {"now": before["now"] + 60, "speed": 0}


@pytest.mark.parametrize("token", ["", "another", "the control tokeN", "\xff", TOKEN * 1000])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", "clock"), ("POST", "clock"), ("GET", "faults"), ("POST", "faults")),
        *(("DELETE", "faults"), ("POST", "delete-stack"), ("GET", "other"), ("POST", "sns/s")),
        *(("POST", "sns/known"), ("POST", "sns/other/known"), ("GET", "sns/s/known")),
    ],
)
def test_every_path_but_callbacks_and_health_wants_the_token(
    client: TestClient, method: str, path: str, token: str
) -> None:
    headers = {TOKEN_HEADER.encode(): token.encode("latin-1")}
    answer = client.request(method, f"/kennel/{path}", headers=headers)
    assert answer.status_code == 403
    assert TOKEN_HEADER in answer.json()["message"]
    assert TOKEN not in answer.text


def test_a_wrong_token_is_named_and_so_is_none(client: TestClient) -> None:
    wrong = client.get("/kennel/clock", headers={TOKEN_HEADER: "yesterday's, " * 9}).json()
    assert 'GET /kennel/clock came with the token "yesterday\'s,"' in wrong["message"]
    del client.headers[TOKEN_HEADER]
    assert "came with no token" in client.get("/kennel/clock").json()["message"]


def test_health_without_a_token_has_no_details(client: TestClient) -> None:
    del client.headers[TOKEN_HEADER]
    assert client.get("/kennel/health").json() == {"ok": True}
    HEALTH.unwell("alarms", "no answer")
    assert client.get("/kennel/health").json() == {"ok": False}
    HEALTH.well("alarms")


@pytest.mark.parametrize(
    "body",
    [
        *(b'{"skip": -1}', b'{"speed": "fast"}', b'{"other": 1}', b"[1]", b"null", b"", b"{"),
        *(b'{"skip": 1e999}', b'{"skip": NaN}', b'{"speed": [1]}', b'{"skip": 1e300}', b"\xff"),
        b'{"speed": ' + b"9" * 400 + b"}",
        b"[" * 100_000,
    ],
)
@pytest.mark.parametrize("path", ["clock", "faults", "sns/s/known"])
def test_a_body_of_another_form_is_refused(client: TestClient, path: str, body: bytes) -> None:
    answer = client.post(f"/kennel/{path}", content=body)
    assert answer.status_code == 400
    assert answer.json()["message"]
    assert client.delete("/kennel/faults").json() == []


def test_faults_are_added_listed_and_cleared(client: TestClient) -> None:
    fault = {"on": "CreateEndpoint", "how": "capacity"}
    (waiting,) = client.post("/kennel/faults", json=fault).json()
    assert waiting["times"] == 1
    assert len(client.get("/kennel/faults").json()) == 1
    assert client.delete("/kennel/faults").json() == []
    assert client.post("/kennel/faults", json={"on": "x"}).status_code == 400


def test_a_stack_is_deleted_or_says_why_not(client: TestClient) -> None:
    assert client.post("/kennel/delete-stack").json() == {"kept": ["Bucket"]}
    blocked = client.post("/kennel/delete-stack", json={"keep": False})
    assert blocked.status_code == 409
    assert "not empty" in blocked.json()["message"]


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"keep": "no"}', b'{"keep": null}', b'{"x": 1}'])
def test_a_stack_is_not_deleted_for_a_body_of_another_form(client: TestClient, body: bytes) -> None:
    answer = client.post("/kennel/delete-stack", content=body)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_custom_resources_answer_by_their_own_token(client: TestClient) -> None:
    del client.headers[TOKEN_HEADER]
    assert client.put("/kennel/custom/t", content=b"{}").status_code == 200
    assert client.put("/kennel/custom/other", content=b"{}").status_code == 404


def test_a_message_of_sns_invokes_the_function(client: TestClient) -> None:
    del client.headers[TOKEN_HEADER]
    message = {"Message": "hello", "TopicArn": "arn:topic"}
    assert client.post("/kennel/sns/s/known", json=message).status_code == 200
    assert client.post("/kennel/sns/s/gone", json=message).status_code == 200
    (event,) = QUEUE.events
    assert b'"EventSource": "aws:sns"' in event


def test_any_other_path_is_not_found(client: TestClient) -> None:
    answer = client.get("/kennel/other")
    assert (answer.status_code, answer.json()["message"]) == (404, "nothing at GET /kennel/other")


def test_health_names_what_is_not_well(client: TestClient) -> None:
    assert client.get("/kennel/health").json() == {"ok": True, "not_well": {}}
    HEALTH.unwell("alarms", "no answer")
    described = client.get("/kennel/health").json()
    assert (described["ok"], described["not_well"]["alarms"]["reason"]) == (False, "no answer")
    HEALTH.well("alarms")
