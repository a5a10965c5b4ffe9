"""Let pages of one other origin call the API (CORS); without an allowed origin, none may.

API Gateway's own answers have the same headers, by the gateway responses of template.yaml.
"""

from collections.abc import Sequence

__all__ = ["allowed", "preflight"]

_EXPOSED = "Retry-After, ETag, x-amzn-RequestId"  # headers of an answer that a page may read
_SENT = "Content-Type, Content-Encoding, X-Api-Key"  # headers of a request that a page may set
_MAX_AGE_S = 7200  # the longest that Chromium keeps a preflight


def allowed(origin: str) -> dict[str, str]:
    """Return the headers that allow `origin` to read an answer; none for the empty string."""
    if not origin:
        return {}
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": _EXPOSED}


def preflight(origin: str, methods: Sequence[str]) -> dict[str, str]:
    """Return the further headers that answer a preflight; none for the empty string."""
    if not origin:
        return {}
    return {
        "Access-Control-Allow-Methods": ", ".join(methods),
        "Access-Control-Allow-Headers": _SENT,
        "Access-Control-Max-Age": str(_MAX_AGE_S),
    }
