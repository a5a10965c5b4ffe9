"""Pages of the answers of Step Functions."""

import base64
import json
from collections.abc import Callable, Iterable
from typing import Any

from moto.stepfunctions.exceptions import InvalidToken

_PAGE = 100
Json = dict[str, Any]


def one_page(
    request: Json, items: Iterable[Json], key: Callable[[Json], list[Any]]
) -> tuple[list[Json], str | None]:
    """Return the items of a page, sorted by `key`, and the token of the next page.

    The token has the last item's key, so that it stays valid while items come, go and move. It
    also has the call's other arguments, which must stay the same.

    Raises
    ------
    InvalidToken
        For a token of another call.
    """
    arguments = {k: v for k, v in request.items() if k not in {"nextToken", "maxResults"}}
    after: list[Any] = []
    if token := request.get("nextToken"):
        try:
            of_token, after = json.loads(base64.b64decode(token, validate=True))
        except (ValueError, TypeError):
            raise InvalidToken from None
        if of_token != arguments:
            raise InvalidToken
    rest = sorted((each for each in items if key(each) > after), key=key)
    page = rest[: request.get("maxResults") or _PAGE]
    if len(page) == len(rest):
        return page, None
    return page, base64.b64encode(json.dumps([arguments, key(page[-1])]).encode()).decode()
