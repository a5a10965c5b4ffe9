import pytest

from classify.settings import ClassifySettings
from common.environment import BadEnvironment, Environment

COMPLETE = {
    "ENDPOINT_NAME": "kennel",
    "AWS_REGION": "eu-west-1",
    "SAGEMAKER_ENDPOINT_URL": "",
    "ALLOWED_ORIGIN": "",
    "LOG_SAMPLE_RATE": "1",
    "HOSTING": "instances",
}


def test_an_empty_address_means_aws() -> None:
    settings = ClassifySettings.from_environment(Environment(COMPLETE))
    assert settings == ClassifySettings("kennel", "eu-west-1", None, "", 1.0, serverless=False)


def test_another_address_is_taken_as_it_is() -> None:
    variables = {**COMPLETE, "SAGEMAKER_ENDPOINT_URL": "http://127.0.0.1:4510"}
    assert (
        ClassifySettings.from_environment(Environment(variables)).endpoint_url
        == "http://127.0.0.1:4510"
    )


@pytest.mark.parametrize("missing", sorted(COMPLETE))
def test_a_missing_variable_is_named(missing: str) -> None:
    variables = {key: value for key, value in COMPLETE.items() if key != missing}
    with pytest.raises(BadEnvironment, match=f"{missing} is not set"):
        ClassifySettings.from_environment(Environment(variables))
