"""What the removal needs of boto3's clients: the seam, where tests pass their own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Clients", "pages"]


@dataclass(frozen=True, slots=True)
class Clients:
    """boto3's; the calls of each are those of RemovalRole in the template."""

    sagemaker: Any
    autoscaling: Any
    codebuild: Any
    states: Any
    s3: Any


def pages(
    call: Callable[..., dict[str, Any]], key: str, following: str = "NextToken", **request: Any
) -> Iterator[dict[str, Any]]:
    """Yield the items of all pages of a list call.

    Parameters
    ----------
    key
        Where a page holds its items.
    following
        What the service calls the next page's name, in request and answer.
    """
    more: dict[str, Any] = {}
    while True:
        page = call(**request, **more)
        yield from page[key]
        if not page.get(following):
            return
        more = {following: page[following]}
