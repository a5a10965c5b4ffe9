"""Read the routes of a REST API from its OpenAPI body."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kennel.errors import CannotStart


@dataclass(frozen=True)
class Route:
    """A method of a path and the function behind it."""

    function: str
    needs_key: bool
    mock: "Mock | None" = None


@dataclass(frozen=True)
class Mock:
    """The response of a mock integration: SAM makes one for a CORS preflight.

    Attributes
    ----------
    takes_text
        Whether the integration makes a text of a binary request, which it fails over otherwise.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    takes_text: bool = False

    @classmethod
    def read(cls, integration: Mapping[str, Any]) -> "Mock":
        """Read the integration's default response; a quoted value is a literal."""
        response = integration["responses"]["default"]
        prefix = "method.response.header."
        headers = tuple(
            (name.removeprefix(prefix), value.strip("'"))
            for name, value in response.get("responseParameters", {}).items()
        )
        takes_text = integration.get("contentHandling") == "CONVERT_TO_TEXT"
        return cls(int(response["statusCode"]), headers, takes_text)


def read_routes(body: Mapping[str, Any]) -> dict[tuple[str, str], Route]:
    """Return the routes of an API's OpenAPI body by path and method."""
    routes = {}
    for path, methods in body["paths"].items():
        if "{" in path:
            raise CannotStart(f"the route {path} has a parameter, which is not served offline yet")
        for method, operation in methods.items():
            integration = operation["x-amazon-apigateway-integration"]
            if integration["type"].lower() == "mock":
                routes[path, method.upper()] = Route("", False, Mock.read(integration))
                continue
            uri = integration["uri"]
            function = uri.split("/functions/")[1].removesuffix("/invocations")
            needs_key = any("api_key" in each for each in operation.get("security", []))
            routes[path, method.upper()] = Route(function, needs_key)
    return routes
