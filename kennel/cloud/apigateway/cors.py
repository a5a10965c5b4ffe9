"""The CORS configuration of an HTTP API, which answers preflights and marks answers.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

_PREFIX = "access-control-"


class Cors:
    """What pages of other origins may do.

    Parameters
    ----------
    declared
        allowOrigins, allowMethods, allowHeaders, exposeHeaders, maxAge, allowCredentials; empty
        for an API that leaves CORS to its functions.
    """

    def __init__(self, declared: Mapping[str, Any]) -> None:
        self._declared = declared

    def is_preflight(self, request: Request) -> bool:
        """Return whether the configuration answers a request, and no route does."""
        asked = {"origin", f"{_PREFIX}request-method"} <= set(request.headers)
        return bool(self._declared) and request.method == "OPTIONS" and asked

    def preflight(self, request: Request) -> Response:
        """Answer a preflight."""
        headers = self._origin(request)
        if headers:
            for name in ("methods", "headers"):
                if values := self._declared.get(f"allow{name.title()}"):
                    headers[f"{_PREFIX}allow-{name}"] = ",".join(map(str, values))
            if "maxAge" in self._declared:
                headers[f"{_PREFIX}max-age"] = str(self._declared["maxAge"])
        return Response(status_code=204, headers=headers)

    def mark(self, request: Request, response: Response) -> None:
        """Put the configured headers in the place of those that a function answered."""
        if not self._declared:
            return
        for name in list(response.headers):
            if name.startswith(_PREFIX):
                del response.headers[name]
        headers = self._origin(request)
        if headers and (exposed := self._declared.get("exposeHeaders")):
            headers[f"{_PREFIX}expose-headers"] = ",".join(map(str, exposed))
        response.headers.update(headers)

    def _origin(self, request: Request) -> dict[str, str]:
        """Return the headers for an allowed origin; none for another, or without one."""
        origin = request.headers.get("origin")
        allowed = [str(each) for each in self._declared.get("allowOrigins", [])]
        if origin is None or not any(fnmatchcase(origin, each) for each in allowed):
            return {}
        credentials = str(self._declared.get("allowCredentials", False)).lower() == "true"
        headers = {f"{_PREFIX}allow-origin": "*" if "*" in allowed and not credentials else origin}
        return headers | ({f"{_PREFIX}allow-credentials": "true"} if credentials else {})
