"""The live model: the configuration that the endpoint runs, and the package that it serves.

A person may update the endpoint by hand, to a configuration of any name. But the pipeline's roles
can read and restore only what is named after the endpoint, so a release over anything else is
refused (`releasable_config`), before its jobs run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.failures import LiveModelUnusable
from common.package import KEPT
from common.sagemaker import describe_endpoint, describe_or_none
from common.scaling import VARIANT

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient
    from types_boto3_sagemaker.type_defs import DescribeEndpointConfigOutputTypeDef

__all__ = [
    "check_config_name",
    "live_config",
    "live_package",
    "package_of",
    "releasable_config",
    "releasable_package",
]

#: Statuses in which an endpoint serves nothing; in all others it serves EndpointConfigName.
_NOTHING_LIVE = frozenset({"Creating", "Failed", "Deleting"})
#: A variant with inference components or instance pools has neither.
_CAPACITY = frozenset({"InstanceType", "ServerlessConfig"})


def live_config(sagemaker: SageMakerClient, endpoint_name: str) -> str | None:
    """Return the name of the live configuration; None if nothing is live."""
    endpoint = describe_endpoint(sagemaker, endpoint_name)
    if endpoint is None or endpoint["EndpointStatus"] in _NOTHING_LIVE:
        return None
    return endpoint["EndpointConfigName"]


def check_config_name(endpoint_name: str, config_name: str) -> None:
    """Refuse to release over a configuration to which a rollback would not be allowed.

    Raises
    ------
    LiveModelUnusable
        The configuration is not named after the endpoint.
    """
    if not _is_own(endpoint_name, config_name):
        raise LiveModelUnusable(
            f"The endpoint {endpoint_name} runs the configuration {config_name}, which the "
            f"pipeline may neither read nor restore after a failed release, as its name does not "
            f"begin with {endpoint_name}-: update the endpoint to a configuration of such a name, "
            "or delete the endpoint."
        )


def releasable_config(
    sagemaker: SageMakerClient, endpoint_name: str
) -> DescribeEndpointConfigOutputTypeDef | None:
    """Describe the live configuration, over which a release is possible; None if nothing is live.

    Raises
    ------
    LiveModelUnusable
        It has a name of its own, was deleted, or has other variants than a release makes.
    """
    name = live_config(sagemaker, endpoint_name)
    if name is None:
        return None
    check_config_name(endpoint_name, name)
    config = _read_config(sagemaker, name)
    variants = config["ProductionVariants"]
    names = [variant["VariantName"] for variant in variants]
    fields = set(variants[0])
    if names != [VARIANT] or "ModelName" not in fields or not fields & _CAPACITY:
        raise LiveModelUnusable(
            f"The live configuration {name} has the variants {', '.join(names)}, and a release "
            f"replaces exactly one, {VARIANT}, with a model and an InstanceType or a "
            "ServerlessConfig: update the endpoint to such a configuration, or delete the endpoint."
        )
    return config


def live_package(sagemaker: SageMakerClient, endpoint_name: str, bucket: str) -> str | None:
    """Find the package of the live model, with which a training compares.

    Returns
    -------
    str or None
        Key in the bucket; None if nothing is live.

    Raises
    ------
    LiveModelUnusable
        See `releasable_config` and `releasable_package`.
    """
    config = releasable_config(sagemaker, endpoint_name)
    if config is None:
        return None
    return releasable_package(sagemaker, endpoint_name, config, bucket)


def releasable_package(
    sagemaker: SageMakerClient,
    endpoint_name: str,
    config: DescribeEndpointConfigOutputTypeDef,
    bucket: str,
    prefixes: tuple[str, ...] = (KEPT,),
) -> str:
    """Return the key of the package that a result of `releasable_config` serves.

    Parameters
    ----------
    prefixes
        See `package_of`.

    Raises
    ------
    LiveModelUnusable
        See `package_of`; or the model is not named after the endpoint.
    """
    model = config["ProductionVariants"][0]["ModelName"]
    if not _is_own(endpoint_name, model):
        raise LiveModelUnusable(
            f"The endpoint {endpoint_name} serves the model {model}, which the pipeline may not "
            f"read, as its name does not begin with {endpoint_name}-: update the endpoint to a "
            "model of such a name, or delete the endpoint."
        )
    return package_of(sagemaker, config["EndpointConfigName"], bucket, prefixes)


def package_of(
    sagemaker: SageMakerClient,
    config_name: str,
    bucket: str,
    prefixes: tuple[str, ...] = (KEPT,),
) -> str:
    """Return the key of the package that a configuration of any name serves.

    Parameters
    ----------
    prefixes
        Where the caller's role may read packages; by default only where endpoints load them from.

    Raises
    ------
    LiveModelUnusable
        Configuration or model were deleted, or the package lies where no role may read it.
    """
    name = _read_config(sagemaker, config_name)["ProductionVariants"][0].get("ModelName", "")
    model = describe_or_none(sagemaker.describe_model, ModelName=name)
    if model is None:
        raise LiveModelUnusable(
            f"The model {name} of the live configuration {config_name} was deleted: create it "
            "again, update the endpoint to another configuration, or delete the endpoint."
        )
    containers = [model["PrimaryContainer"]] if "PrimaryContainer" in model else []
    url = next((each.get("ModelDataUrl", "") for each in containers), "")
    key = url.removeprefix(f"s3://{bucket}/")
    if not key.startswith(prefixes):
        places = " and ".join(f"s3://{bucket}/{prefix}" for prefix in prefixes)
        raise LiveModelUnusable(
            f"The live model {name} has its package at {url or 'no ModelDataUrl'}, and only "
            f'{places} may be read: start an execution with {{"release": "live"}}, which copies '
            "a package of this bucket there, or release another one."
        )
    return key


def _read_config(sagemaker: SageMakerClient, name: str) -> DescribeEndpointConfigOutputTypeDef:
    config = describe_or_none(sagemaker.describe_endpoint_config, EndpointConfigName=name)
    if config is None:
        raise LiveModelUnusable(
            f"The live configuration {name} was deleted, so a failed release could not be rolled "
            "back to it: create it again, or delete the endpoint."
        )
    return config


def _is_own(endpoint_name: str, name: str) -> bool:
    return name.lower().startswith(f"{endpoint_name}-")  # as in ARNs, and so in the roles
