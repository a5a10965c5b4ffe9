from dataclasses import replace
from typing import Any

import pytest

from common.failure import PreflightFailed
from common.scaling import Scaling
from preflight.checks import Settings, check, problems

ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
SCALING = Scaling(
    min_instances=1,
    max_instances=5,
    target_invocations=600,
    scale_in_cooldown_s=30,
    scale_out_cooldown_s=30,
)
GOOD = Settings(
    endpoint_name="kennel",
    serving_image=f"{ECR}/kennel/serving:1",
    instance_type="ml.c5.large",
    scaling=SCALING,
)


def found(settings: Settings = GOOD, given: Any = None) -> str:
    return " ".join(problems({} if given is None else given, settings))


def test_good_settings_are_given_back() -> None:
    assert check({}, GOOD) == {
        "endpoint_name": "kennel",
        "serving_image": f"{ECR}/kennel/serving:1",
        "instance_type": "ml.c5.large",
        "min_instances": 1,
        "max_instances": 5,
    }


@pytest.mark.parametrize(
    "given", [{}, {"Comment": "Insert your JSON here"}], ids=["empty", "the console's example"]
)
def test_good_input(given: dict[str, str]) -> None:
    assert found(given=given) == ""


@pytest.mark.parametrize("given", [[1], "x", 3, False])
def test_input_that_is_no_object(given: object) -> None:
    assert "where an object belongs: start with {}" in found(given=given)


def test_input_with_unknown_keys_names_them() -> None:
    assert "has tuning, zoom, which this state machine does not know" in found(
        given={"zoom": 1, "tuning": 2}
    )


@pytest.mark.parametrize("name", ["Kennel", "ken_nel", "-kennel", "ken--nel", "", "k" * 33])
def test_endpoint_name_that_sagemaker_or_a_role_would_refuse(name: str) -> None:
    settings = replace(GOOD, endpoint_name=name, serving_image="kennel/serving:offline")
    assert f"EndpointName is {name!r}" in found(settings)


@pytest.mark.parametrize("name", ["k", "kennel-dev", "k" * 32])
def test_endpoint_name_that_is_fine(name: str) -> None:
    settings = replace(GOOD, endpoint_name=name, serving_image="kennel/serving:offline")
    assert found(settings) == ""


def test_no_image_says_how_to_get_one() -> None:
    sentence = found(replace(GOOD, serving_image=""))
    assert "ServingImage is empty: build model/Dockerfile" in sentence
    assert "kennel/serving" in sentence


def test_image_where_the_models_role_may_not_pull() -> None:
    sentence = found(replace(GOOD, serving_image=f"{ECR}/other:1"))
    assert "in the ECR repository other, but the model's role may pull from kennel/serving" in (
        sentence
    )


def test_image_by_digest() -> None:
    image = f"{ECR}/kennel/serving@sha256:{'0' * 64}"
    assert found(replace(GOOD, serving_image=image)) == ""


def test_image_with_a_space() -> None:
    assert "has no spaces" in found(replace(GOOD, serving_image="kennel/serving :1"))


@pytest.mark.parametrize(
    ("instance_type", "words"),
    [
        ("ml.t2.medium", "cannot autoscale"),
        ("ml.t3.medium", "no hosting type"),
        ("c5.large", "look like ml.c5.large"),
        ("ml.c5", "look like ml.c5.large"),
    ],
)
def test_instance_type_that_cannot_serve(instance_type: str, words: str) -> None:
    assert words in found(replace(GOOD, instance_type=instance_type))


@pytest.mark.parametrize("instance_type", ["ml.c5.large", "ml.g4dn.xlarge", "ml.p6-b200.48xlarge"])
def test_instance_type_that_can(instance_type: str) -> None:
    assert found(replace(GOOD, instance_type=instance_type)) == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"min_instances": 6}, "MinInstances is 6 and MaxInstances 5"),
        ({"min_instances": 0}, "MinInstances is 0"),
        ({"target_invocations": 0}, "TargetInvocationsPerInstance is 0"),
        ({"scale_in_cooldown_s": -1}, "ScaleInCooldown is -1: seconds, from 0 to 3600"),
        ({"scale_out_cooldown_s": 3601}, "ScaleOutCooldown is 3601"),
    ],
)
def test_scaling_that_makes_no_sense(change: dict[str, int], words: str) -> None:
    assert words in found(replace(GOOD, scaling=replace(SCALING, **change)))


def test_all_problems_come_at_once() -> None:
    settings = replace(
        GOOD,
        serving_image="",
        instance_type="ml.t2.medium",
        scaling=replace(SCALING, min_instances=9),
    )
    with pytest.raises(PreflightFailed) as failed:
        check({"zoom": 1}, settings)
    assert len(failed.value.problems) == 4
    assert str(failed.value).startswith("4 problems stop this release: (1) The input has zoom")
