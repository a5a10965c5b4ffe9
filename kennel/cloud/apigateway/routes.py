"""Find the route of a request among an API's: static segments before parameters before greedy.

REST API: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-settings-method-request.html
HTTP API: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
"""

from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from kennel.cloud.apigateway.operations import ANY, DEFAULT_ROUTE, Route

_STATIC, _PARAMETER, _GREEDY = range(3)

Methods = Mapping[str, Route]
#: A route, and the values of its path's parameters as the client wrote them.
Match = tuple[Route, dict[str, str]]


class Routes:
    """The routes of one API, by path and method."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._by_path: dict[str, dict[str, Route]] = {}
        for each in routes:
            self._by_path.setdefault(each.path, {})[each.method] = each
        self._default = self._by_path.pop(DEFAULT_ROUTE, {})
        patterns = [_Pattern(path) for path in self._by_path]
        self._by_rank = sorted(patterns, key=lambda each: each.ranks)
        self._full_first = sorted(patterns, key=lambda each: (each.is_greedy, each.ranks))

    def all(self) -> list[Route]:
        """Return every route, in the order of the definition, the default route last."""
        return [
            each
            for methods in (*self._by_path.values(), self._default)
            for each in methods.values()
        ]

    def of_resource(self, path: str, method: str) -> Match | None:
        """Return the method of the resource that a path names, as a REST API finds it.

        The path decides alone, without its last slash; the method then exists there or nowhere.
        """
        path = path.rstrip("/") or "/"
        exact = self._by_path.get(path)
        if exact is not None and "{" not in path:
            return _of_method(exact, method, {})
        for pattern in self._by_rank:
            if (values := pattern.match(path)) is not None:
                return _of_method(self._by_path[pattern.path], method, values)
        return None

    def best(self, path: str, method: str) -> Match | None:
        """Return the route of a path and method, as an HTTP API finds it.

        A full match goes before a greedy one, and that before the default route.
        """
        for pattern in self._full_first:
            values = pattern.match(path)
            if values is not None and (
                match := _of_method(self._by_path[pattern.path], method, values)
            ):
                return match
        return _of_method(self._default, method, {})


class _Pattern:
    """A path whose segments may be parameters."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._segments = path.split("/")[1:]
        self.ranks = [_rank(each) for each in self._segments]
        self.is_greedy = self.ranks[-1:] == [_GREEDY]

    def match(self, path: str) -> dict[str, str] | None:
        """Return the values of the parameters in a path; None for a path of another form."""
        received = path.split("/")[1:]
        wanted = len(self._segments)
        if self.is_greedy:  # it takes one segment or more
            tail = "/".join(received[wanted - 1 :])
            received = [*received[: wanted - 1], tail]
        if len(received) != wanted:
            return None
        values = {}
        for segment, rank, text in zip(self._segments, self.ranks, received, strict=True):
            if rank == _STATIC:
                if text != segment and unquote(text) != segment:
                    return None
            elif not text:
                return None
            else:
                values[segment.strip("{}+")] = text
        return values


def _rank(segment: str) -> int:
    if segment.startswith("{") and segment.endswith("}"):
        return _GREEDY if segment.endswith("+}") else _PARAMETER
    return _STATIC


def _of_method(methods: Methods, method: str, values: dict[str, str]) -> Match | None:
    route = methods.get(method) or methods.get(ANY)
    return None if route is None else (route, values)
