"""docs/offline-cloud.md says what the code does: its numbers are the code's."""

import pytest

from kennel.cloud.apigateway import rest_api
from kennel.cloud.awslambda import api, async_invoke, emulator, functions
from kennel.cloud.moto_backend import persistence
from kennel.cloud.servicequotas import quotas
from kennel.cloud.services import CUSTOM_RESOURCE_SECONDS
from kennel.paths import ROOT

TEXT = (ROOT / "docs" / "offline-cloud.md").read_text()


@pytest.mark.parametrize(
    ("sentence", "value"),
    [
        ("ResponseURL within {:.0f} minutes", CUSTOM_RESOURCE_SECONDS / 60),
        ("a quota of {:.0f} for each SageMaker instance type", quotas.VALUE),
        ("{:.0f} MB both ways", functions.REQUEST_BYTES / 2**20),
        ("{:.0f} MB for events", api.EVENT_BYTES / 2**20),
        ("media types, {:.0f} MB,", rest_api.REQUEST_BYTES / 2**20),
        (" {:.0f} s, preflights", rest_api.INTEGRATION_SECONDS),
        ("looked for {:.0f} times a second", 1 / emulator._MEMORY_SECONDS),
        ("some {:.0f} s after a change", persistence._SWEEP_SECONDS),
        ("throttles for up to six hours", async_invoke._LONGEST_AGE / 3600 - 6),
        ("three tries a minute and two apart", len(async_invoke._WAITS) - 2),
    ],
)
def test_a_number_is_the_codes(sentence: str, value: float) -> None:
    assert sentence.format(value) in TEXT
    if "{" not in sentence:
        assert value == 0
