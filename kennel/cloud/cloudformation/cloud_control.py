"""Cloud Control's GetResource: a resource of a stack by its type and its name.

https://docs.aws.amazon.com/cloudcontrolapi/latest/APIReference/API_GetResource.html
"""

import json

from starlette.requests import Request
from starlette.responses import Response

from kennel.cloud.cloudformation.deployed import DeployedResources
from kennel.cloud.iam.requests import ApiCall
from kennel.cloud.runtime.answers import written
from kennel.cloud.runtime.errors import ServiceError, not_implemented


class CloudControl:
    """Answers GetResource about what stacks have made; `sam list endpoints` asks it."""

    def __init__(self, deployed: DeployedResources) -> None:
        self._deployed = deployed

    async def __call__(self, request: Request, call: ApiCall) -> Response:
        """Answer a call; ResourceNotFoundException for what no stack has."""
        if call.operation != "GetResource":
            raise not_implemented(
                f"the offline cloud does not emulate cloudcontrol:{call.operation}; it answers "
                "GetResource"
            )
        kind, wanted = call.parameters["TypeName"], call.parameters["Identifier"]
        for resource in self._deployed.of_type(kind):
            if wanted in {resource.name, resource.arn}:
                properties = json.dumps(resource.properties, default=str)
                described = {"Identifier": wanted, "Properties": properties}
                result = {"TypeName": kind, "ResourceDescription": described}
                return written("cloudcontrol", call.operation, result)
        message = f"Resource of type '{kind}' with identifier '{wanted}' was not found."
        raise ServiceError("ResourceNotFoundException", message)
