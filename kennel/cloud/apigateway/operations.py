"""Read an API's operations from OpenAPI as API Gateway extends it; refuse what is not emulated.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kennel.errors import CannotStart

INTEGRATION = "x-amazon-apigateway-integration"
ANY = "ANY"
DEFAULT_ROUTE = "$default"
_ANY_METHOD = "x-amazon-apigateway-any-method"
_METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
_STAGE_VARIABLE = re.compile(r"\$\{stageVariables\.([A-Za-z0-9_]+)\}")
_CODE = re.compile(r"\$|^\s*#", re.MULTILINE)  # of a mapping template
_API_KEY = "x-api-key"


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
    body: str = ""
    takes_text: bool = False

    @classmethod
    def read(cls, integration: Mapping[str, Any], where: str) -> "Mock":
        """Read the response that the integration selects; a quoted value is a literal."""
        responses = {str(key): each for key, each in integration.get("responses", {}).items()}
        response = responses.get(_mock_status(integration)) or responses.get("default")
        if response is None:
            raise CannotStart(f"{where} is a mock without a response: give it one named default")
        prefix = "method.response.header."
        headers = tuple(
            (name.removeprefix(prefix), str(value).strip("'"))
            for name, value in response.get("responseParameters", {}).items()
        )
        body = response.get("responseTemplates", {}).get("application/json", "")
        if _CODE.search(body):
            raise CannotStart(
                f"{where} answers by a mapping template, which the offline cloud does not run: "
                "only a text without $ and # is served"
            )
        takes_text = integration.get("contentHandling") == "CONVERT_TO_TEXT"
        return cls(int(response["statusCode"]), headers, body.strip(), takes_text)


@dataclass(frozen=True)
class Route:
    """A method of a path, and what answers it.

    Attributes
    ----------
    path, method
        As the API declares them; ANY stands for every method, `$default` for every path.
    function
        Name or ARN; may hold stage variables.
    payload
        Version of the event's format, which an HTTP API may choose.
    seconds
        How long the integration waits for the function; None where the API does not say.
    """

    path: str
    method: str
    function: str
    needs_key: bool = False
    mock: Mock | None = None
    payload: str = "1.0"
    seconds: float | None = None

    @property
    def key(self) -> str:
        """The route's name in an HTTP API."""
        return self.path if self.path == DEFAULT_ROUTE else f"{self.method} {self.path}"

    def function_in(self, variables: Mapping[str, Any]) -> str:
        """Return the function with a stage's variables in their places."""
        if "$" not in self.function:
            return self.function
        return _STAGE_VARIABLE.sub(lambda m: str(variables.get(m[1], "")), self.function)


def read_operations(body: Mapping[str, Any]) -> Iterator[Route]:
    """Return the operations of an API's OpenAPI body.

    Raises
    ------
    CannotStart
        When one has an integration or an authorizer that is not emulated.
    """
    schemes = body.get("securityDefinitions") or body.get("components", {}).get(
        "securitySchemes", {}
    )
    for path, methods in (body.get("paths") or {}).items():
        for name, operation in methods.items():
            if name == _ANY_METHOD or name.lower() in _METHODS:
                method = ANY if name == _ANY_METHOD else name.upper()
                # SAM writes the default route without a slash, AWS exports it with one.
                route = DEFAULT_ROUTE if path.lstrip("/") == DEFAULT_ROUTE else path
                yield read_operation(route, method, operation, schemes)


def read_operation(
    path: str, method: str, operation: Mapping[str, Any], schemes: Mapping[str, Any]
) -> Route:
    """Return one operation; raise CannotStart for what is not emulated."""
    where = f"{method} {path}"
    needs_key = _needs_key(where, operation, schemes)
    if operation.get("x-amazon-apigateway-request-validator"):
        raise CannotStart(
            f"{where} has a request validator, which the offline cloud does not emulate: "
            "check the request in the function"
        )
    integration = operation.get(INTEGRATION)
    if not integration:
        raise CannotStart(f"{where} has no integration: API Gateway deploys no API with such a one")
    kind = str(integration.get("type", "")).lower()
    if kind == "mock":
        return Route(path, method, "", needs_key, Mock.read(integration, where))
    uri = str(integration.get("uri", ""))
    function = uri.rpartition("/functions/")[2].removesuffix("/invocations")
    if kind != "aws_proxy" or ":function:" not in function or "integrationSubtype" in integration:
        raise CannotStart(
            f"{where} has an integration of type {kind.upper() or 'none'} with {uri or 'no URI'}, "
            "which the offline cloud does not emulate: it serves AWS_PROXY with a Lambda function, "
            "and MOCK"
        )
    milliseconds = integration.get("timeoutInMillis")
    return Route(
        path,
        method,
        function,
        needs_key,
        payload=str(integration.get("payloadFormatVersion", "1.0")),
        seconds=milliseconds and float(milliseconds) / 1000,
    )


def _needs_key(where: str, operation: Mapping[str, Any], schemes: Mapping[str, Any]) -> bool:
    """Return whether an operation needs an API key; raise CannotStart for an authorizer."""
    needs_key = False
    named = [name for each in operation.get("security", []) for name in each]
    for name in named:
        scheme = schemes.get(name, {})
        is_key = name == "api_key" or str(scheme.get("name", "")).lower() == _API_KEY
        if not is_key or "x-amazon-apigateway-authorizer" in scheme:
            raise CannotStart(_authorizer(where, name))
        needs_key = True
    auth = str(operation.get("x-amazon-apigateway-auth", {}).get("type", "NONE"))
    if auth.upper() != "NONE":
        raise CannotStart(_authorizer(where, auth))
    return needs_key


def _authorizer(where: str, name: str) -> str:
    return (
        f"{where} has the authorizer {name}, which the offline cloud does not emulate: "
        "it knows API keys only"
    )


def _mock_status(integration: Mapping[str, Any]) -> str:
    """Return the status code that a mock's request template names, as text."""
    template = integration.get("requestTemplates", {}).get("application/json", "")
    try:
        return str(json.loads(template)["statusCode"])
    except (ValueError, TypeError, KeyError):
        return ""
