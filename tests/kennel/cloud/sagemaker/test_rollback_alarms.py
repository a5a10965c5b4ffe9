"""An update with alarms needs a model's role that may read them; template.yaml's may."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from kennel.cloud.iam.identity import Identities
from kennel.cloud.iam.permissions import Authorizer
from kennel.cloud.iam.policy import read_role
from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.account import Account
from kennel.cloud.sagemaker.rollback_alarms import RollbackRoles
from tests.iam.roles import read
from tests.stack import TEMPLATE

ROLE = "arn:aws:iam::123456789012:role/model"


def update(*alarms: str) -> Json:
    """Update an endpoint with these alarms, by a model with the template's ModelRole."""
    role = read_role("model", read(TEMPLATE, {}).properties["ModelRole"])
    identities = Identities({"key": replace(role, arn=ROLE)})
    store = Store(None)
    variant = {"VariantName": "A", "ModelName": "m", "InitialInstanceCount": 1}
    config = {"EndpointConfigName": "c", "ProductionVariants": [variant]}
    store.put("endpoint-config", "c", config)
    store.put("model", "m", {"ModelName": "m", "ExecutionRoleArn": ROLE})
    account = Account("http://127.0.0.1:1", {ROLE: "key"}.get)
    roles = RollbackRoles(store, account, Authorizer(identities))

    async def update_endpoint(request: Json) -> Json:
        return {"EndpointArn": "arn"}

    rollback = {"Alarms": [{"AlarmName": each} for each in alarms]}
    request: dict[str, Any] = {"EndpointName": "e", "EndpointConfigName": "c"}
    if alarms:
        request["DeploymentConfig"] = {"AutoRollbackConfiguration": rollback}
    return asyncio.run(roles.checked(update_endpoint)(request))


def test_the_templates_role_may_read_its_alarms() -> None:
    assert update("kennel-errors", "kennel-latency") == {"EndpointArn": "arn"}


def test_another_alarm_is_refused_with_the_role_and_the_alarm() -> None:
    with pytest.raises(ServiceError, match=rf"{ROLE} .*cloudwatch:DescribeAlarms .*alarm:other"):
        update("kennel-errors", "other")


def test_an_update_without_alarms_reads_none() -> None:
    assert update() == {"EndpointArn": "arn"}
