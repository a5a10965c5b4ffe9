"""Refuse CreateTransformJob requests that the service, or the offline cloud, does not accept.

Messages marked (seen) are the service's own, from public reports. For the others the API
reference states the rule and no report has the message; docs/offline-jobs.md lists them as
unconfirmed.
"""

from kennel.cloud.runtime.store import Json
from kennel.cloud.sagemaker.errors import invalid
from kennel.cloud.sagemaker.jobs.validation import refuse_members, refuse_other_values

#: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
_MAX_MEGABYTES = 100  # MaxConcurrentTransforms times MaxPayloadInMB


def check_transform(request: Json) -> None:
    """Raise ServiceError for a request that is refused."""
    action = "CreateTransformJob"
    refuse_members(action, request, ("DataProcessing", "DataCaptureConfig"))
    transform_input = request["TransformInput"]
    data_types = {"S3Prefix", "ManifestFile"}
    refuse_other_values(action, "DataSource.S3DataSource.S3DataType", transform_input, data_types)
    refuse_other_values(action, "CompressionType", transform_input, {"None"})
    refuse_other_values(action, "SplitType", transform_input, {"None", "Line"})
    if request["TransformResources"]["InstanceCount"] < 1:
        raise invalid("TransformResources.InstanceCount must be greater than or equal to 1.")
    payload = request.get("MaxPayloadInMB", 6)
    if payload * request.get("MaxConcurrentTransforms", 0) > _MAX_MEGABYTES:
        raise invalid(
            f"MaxConcurrentTransforms * MaxPayloadInMB must not exceed {_MAX_MEGABYTES} MB."
        )
