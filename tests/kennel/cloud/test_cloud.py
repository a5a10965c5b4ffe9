"""The main job, end to end: template, functions, state machine, endpoint, API."""

import base64
import gc
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from kennel.client import classify
from kennel.cloud.cloud import Cloud, run_cloud
from kennel.cloud.config import CloudConfig
from kennel.cloud.runtime.clients import client
from kennel.demo import is_right, samples
from kennel.errors import CannotStart, KennelError
from kennel.paths import ROOT

Released = tuple[Cloud, dict[str, Any], list[str]]


def post(
    cloud: Cloud, body: bytes, media_type: str | None, key: str | None = None
) -> httpx.Response:
    headers = {"x-api-key": cloud.api_key if key is None else key}
    if media_type:
        headers["content-type"] = media_type
    return httpx.post(f"{cloud.api_url}/classify", content=body, headers=headers, timeout=30)


def dog() -> bytes:
    return samples()[0].photo.read_bytes()


def test_every_state_passes_in_order(released: Released) -> None:
    _, output, states = released
    order = ["Preflight", "PublishBundle", "Release", "SmokeTest", "ApplyAutoscaling"]
    assert [state for state in states if state in order] == order
    assert output["smoke"]["breed"] == output["bundle"]["smoke_breed"]


def test_both_dogs_are_right_and_nothing_else_is_called_a_dog(cloud: Cloud) -> None:
    known = samples()
    assert len([each for each in known if each.breed]) == 2
    assert len(known) >= 8
    answers = classify([each.photo for each in known], cloud.api_url, cloud.api_key)
    wrong = [a for a, each in zip(answers, known, strict=True) if not is_right(a, each)]
    assert wrong == []


def test_an_answer_has_exactly_the_promised_members(cloud: Cloud) -> None:
    answer = post(cloud, dog(), "image/jpeg").json()
    always = {"is_dog", "breeds", "model", "took_ms"}
    assert always <= set(answer) <= always | {"dog", "likely"}
    assert len(answer["breeds"]) == 5
    assert all(set(each) == {"breed", "probability"} for each in answer["breeds"])
    probabilities = [each["probability"] for each in answer["breeds"]]
    assert probabilities == sorted(probabilities, reverse=True)


def test_base64_in_json_gets_the_same_answer(cloud: Cloud) -> None:
    body = json.dumps({"image": base64.b64encode(dog()).decode()}).encode()
    plain, encoded = post(cloud, dog(), "image/jpeg"), post(cloud, body, "application/json")
    assert encoded.json()["breeds"] == plain.json()["breeds"]


@pytest.mark.parametrize(
    ("body", "media_type", "key", "status"),
    [
        (b"", "image/jpeg", None, 400),
        (b"no photo", "image/jpeg", None, 400),
        (b'{"picture": ""}', "application/json", None, 400),
        (b"x" * 5_000_000, "image/jpeg", None, 413),  # over Lambda's 6 MB once base64
        (b"x" * 10_500_000, "image/jpeg", None, 413),  # over API Gateway's 10 MB
        (b"GIF89a", "image/gif", None, 415),
        (b"x", None, None, 415),
        (b"x", "image/jpeg", "", 403),
        (b"x", "image/jpeg", "wrong", 403),
    ],
)
def test_a_bad_request_gets_a_problem_document(
    cloud: Cloud, body: bytes, media_type: str | None, key: str | None, status: int
) -> None:
    answer = post(cloud, body, media_type, key)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert {"type", "title", "status", "detail"} <= set(problem)
    assert problem["status"] == status
    leaks = ("Traceback", "File ", ".py", "arn:", "/var/", str(ROOT))
    assert not [leak for leak in leaks if leak in answer.text]


def test_an_unknown_path_is_not_found(cloud: Cloud) -> None:
    assert httpx.get(f"{cloud.api_url}/nothing").status_code in {403, 404}
    assert httpx.get(f"{cloud.url}/").status_code in {403, 404}


def test_the_page_and_its_neighbours_need_no_key(cloud: Cloud) -> None:
    page = httpx.get(f"{cloud.api_url}/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    breeds = httpx.get(f"{cloud.api_url}/breeds").json()
    assert "Dalmatian" in json.dumps(breeds)
    assert "/classify" in httpx.get(f"{cloud.api_url}/openapi.json").json()["paths"]


def test_the_endpoint_scales_from_1_to_5_with_cooldowns_of_30_s(cloud: Cloud) -> None:
    scaling = client("application-autoscaling", cloud.url)
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 5)
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert (tracking["ScaleInCooldown"], tracking["ScaleOutCooldown"]) == (30, 30)


def test_the_classifiers_role_invokes_its_endpoint_and_nothing_else(cloud: Cloud) -> None:
    runtime = client("sagemaker-runtime", cloud.url, "ClassifyRole")
    answer = runtime.invoke_endpoint(
        EndpointName="kennel", ContentType="image/jpeg", Body=dog(), Accept="application/json"
    )
    assert json.loads(answer["Body"].read())["is_dog"]
    with pytest.raises(ClientError) as other:
        runtime.invoke_endpoint(EndpointName="another", ContentType="image/jpeg", Body=b"x")
    assert other.value.response["Error"]["Code"] == "AccessDeniedException"
    with pytest.raises(ClientError) as deleted:
        client("sagemaker", cloud.url, "ClassifyRole").delete_endpoint(EndpointName="kennel")
    assert deleted.value.response["Error"]["Code"] == "AccessDeniedException"
    assert "sagemaker:DeleteEndpoint" in str(deleted.value)


def test_before_a_release_it_is_unavailable_and_a_burst_is_throttled(bare_cloud: Cloud) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: post(bare_cloud, dog(), "image/jpeg"), range(4)))
    assert {each.status_code for each in answers} == {503, 429}
    for answer in answers:
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) >= 1


def test_a_start_that_fails_ends_what_had_started(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        config = CloudConfig(template=tmp_path / "none.yaml", port=taken.getsockname()[1])
        before = threading.active_count()
        with pytest.raises(CannotStart, match="name another port"), run_cloud(config):
            raise AssertionError("it started")
    assert threading.active_count() == before


def test_an_error_in_the_block_is_raised_once_and_leaves_the_logs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(
        "Transform: AWS::Serverless-2016-10-31\n"
        "Resources: {Api: {Type: AWS::Serverless::Api, Properties: {StageName: prod, "
        "DefinitionBody: {openapi: 3.0.1, paths: {}}}}}\n"
    )
    logs = Path()
    with (
        pytest.raises(KennelError, match="no answer"),
        run_cloud(CloudConfig(template=template)) as cloud,
    ):
        logs = cloud.logs
        raise KennelError("no answer")
    gc.collect()  # asyncio prints an exception that nobody retrieved when its task is deleted
    assert caplog.records == []
    assert (logs / "moto.log").exists()
