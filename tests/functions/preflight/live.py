"""An emulated account with a live model, of which tests break one part each."""

from typing import Any

from tests.functions.aws_account import BUCKET, Account
from tests.functions.model_package import package

KEY = "packages/0123456789abcdef0123/model.tar.gz"


def live(config: str = "kennel-1", model: str = "kennel-1", **container: Any) -> Account:
    account = Account()
    endpoints = account.endpoints
    account.objects[KEY] = package()
    endpoints.models[model] = {
        "PrimaryContainer": {"ModelDataUrl": f"s3://{BUCKET}/{KEY}", **container}
    }
    variant = {"VariantName": "AllTraffic", "ModelName": model, "InstanceType": "ml.c5.large"}
    endpoints.configs[config] = {"EndpointConfigName": config, "ProductionVariants": [variant]}
    endpoints.endpoint = {
        "EndpointName": "kennel",
        "EndpointConfigName": config,
        "EndpointStatus": "InService",
    }
    return account
