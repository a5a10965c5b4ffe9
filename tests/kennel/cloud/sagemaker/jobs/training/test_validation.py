"""Members of a training job's request that are recorded and have no effect offline."""

from typing import Any

import pytest

from kennel.cloud.sagemaker.jobs.training.validation import recorded_only


@pytest.mark.parametrize(
    ("request_members", "named"),
    [
        ({}, []),
        ({"DebugHookConfig": {"S3OutputPath": "s3://b/"}}, ["DebugHookConfig"]),
        ({"ProfilerConfig": {"S3OutputPath": "s3://b/"}}, ["ProfilerConfig"]),
        ({"ProfilerConfig": {"DisableProfiler": False}}, ["ProfilerConfig"]),
        ({"ProfilerConfig": {"DisableProfiler": True}}, []),
        ({"RemoteDebugConfig": {"EnableRemoteDebug": False}}, []),
        ({"RemoteDebugConfig": {"EnableRemoteDebug": True}}, ["RemoteDebugConfig"]),
        ({"EnableNetworkIsolation": False, "ProfilerRuleConfigurations": []}, []),
        ({"EnableNetworkIsolation": True}, ["EnableNetworkIsolation"]),
        ({"RetryStrategy": {"MaximumRetryAttempts": 2}}, ["RetryStrategy"]),
        (
            {"ResourceConfig": {"KeepAlivePeriodInSeconds": 60}},
            ["ResourceConfig.KeepAlivePeriodInSeconds"],
        ),
    ],
)
def test_only_what_asks_for_something_is_named(
    request_members: dict[str, Any], named: list[str]
) -> None:
    assert recorded_only(request_members) == named
