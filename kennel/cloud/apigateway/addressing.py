"""Find the API, the stage and the path that a request names, in each of the forms it may.

`<api id>.execute-api.<anything>` as the Host is AWS's own form; `/_aws/execute-api/<api id>/...`
is LocalStack's, for clients that cannot choose the Host; and at the root every stage is found that
one API alone has.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from kennel.cloud.apigateway.calls import domain_of
from kennel.cloud.apigateway.definitions import Stage
from kennel.cloud.apigateway.gateway_responses import GatewayResponses
from kennel.cloud.apigateway.http_api import HttpApi
from kennel.cloud.apigateway.rest_api import RestApi

PREFIX = "/_aws/execute-api/"
_SHOWN = 80  # characters of an unknown id


@dataclass(frozen=True)
class Place:
    """A stage of a REST API, and the path after it.

    Attributes
    ----------
    path, whole_path
        As in `Call`.
    """

    api: RestApi
    stage: Stage
    path: str
    whole_path: str


@dataclass(frozen=True)
class HttpPlace:
    """An HTTP API, which finds its stage by itself, and the path."""

    api: HttpApi
    path: str


class Addresses:
    """The APIs that exist at one time, by their addresses."""

    def __init__(self, rest: Mapping[str, RestApi], http: Mapping[str, HttpApi]) -> None:
        self.rest = rest
        self.http = http
        every: list[RestApi | HttpApi] = [*http.values(), *rest.values()]
        self._by_host = {each.id.lower(): each for each in every}  # a host has no capitals
        self._by_stage: dict[str, list[RestApi]] = {}
        for each in rest.values():
            for stage in each.stages:
                self._by_stage.setdefault(stage, []).append(each)

    def find(self, request: Request, path: str, request_id: str) -> Place | HttpPlace | Response:
        """Return what a request names, or the answer to one that names nothing.

        Parameters
        ----------
        path
            As the client wrote it.
        """
        if name := id_in_host(request):
            return self._in(self._by_host.get(name), name, path, request_id)
        if path.startswith(PREFIX):
            name, slash, rest = path.removeprefix(PREFIX).partition("/")
            return self._in(
                self.rest.get(name) or self.http.get(name), name, slash + rest, request_id
            )
        return self._at_root(path, request_id)

    def has_root(self) -> bool:
        """Return whether the path / is an API's."""
        return len(self.http) == 1

    def paths(self) -> list[str]:
        """Return the path of each stage at this address, the shortest that names it."""
        rest = [
            f"/{stage}" if self._by_stage[stage] == [api] else f"{PREFIX}{api.id}/{stage}"
            for api in self.rest.values()
            for stage in api.stages
        ]
        prefix = {name: "" if self.has_root() else f"{PREFIX}{name}" for name in self.http}
        http = [
            prefix[api.id] if stage == "$default" else f"{prefix[api.id]}/{stage}"
            for api in self.http.values()
            for stage in api.stages
        ]
        return rest + http

    def _in(
        self, api: RestApi | HttpApi | None, name: str, path: str, request_id: str
    ) -> Place | HttpPlace | Response:
        if api is None:
            known = ", ".join([*self.rest, *self.http]) or "none"
            return _problem(404, f"no API has the id {name[:_SHOWN]!r}: there are {known}")
        if isinstance(api, HttpApi):
            return HttpPlace(api, path or "/")
        stage = api.stages.get(_first(path))
        if stage is None:  # as AWS answers; it is no stage's, so no template shapes it
            return GatewayResponses({}).make("INVALID_API_KEY", request_id)
        return _place(api, stage, path)

    def _at_root(self, path: str, request_id: str) -> Place | HttpPlace | Response:
        name = _first(path)
        apis = self._by_stage.get(name, [])
        if len(apis) == 1:
            return _place(apis[0], apis[0].stages[name], path)
        if apis:
            return _ambiguous(f"the stage {name!r}", [each.id for each in apis], f"/{name}")
        if len(self.http) == 1:
            return HttpPlace(next(iter(self.http.values())), path)
        if len(self.http) > 1:
            return _ambiguous(f"the path {path[:_SHOWN]!r}", list(self.http), "")
        only = next(iter(self.rest.values())).responses if len(self.rest) == 1 else None
        return (only or GatewayResponses({})).make("MISSING_AUTHENTICATION_TOKEN", request_id)


def id_in_host(request: Request) -> str:
    """Return the id of an API that is the Host's, in lower case; "" for another Host."""
    name, _, rest = domain_of(request).partition(".")
    return name if rest == "execute-api" or rest.startswith("execute-api.") else ""


def _first(path: str) -> str:
    """Return the first segment of a path."""
    return path.removeprefix("/").partition("/")[0]


def _place(api: RestApi, stage: Stage, path: str) -> Place:
    return Place(api, stage, path.removeprefix(f"/{stage.name}") or "/", path)


def _ambiguous(named: str, apis: list[str], stage: str) -> Response:
    message = (
        f"{named} could be of several APIs ({', '.join(apis)}): "
        f"call {PREFIX}{apis[0]}{stage}/... with the id of yours"
    )
    return _problem(409, message)


def _problem(status: int, message: str) -> Response:
    return Response(json.dumps({"message": message}), status, media_type="application/json")
