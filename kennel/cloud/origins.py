"""Tell the requests of programs from those of web pages, which a browser sends to this machine too.

No page can set two of its requests' headers: Origin, and Host, which is the page's own name where
that was made to resolve to this machine (DNS rebinding).
"""

import ipaddress
import re
from collections.abc import Mapping

#: What a request to a path under /kennel/ carries its token in.
TOKEN_HEADER = "x-kennel-token"  # noqa: S105 - the header's name

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:\d+)?")


class ForeignRequest(Exception):  # noqa: N818
    """A request that a web page made; the message says by which header that is known."""


def host_name(host: str) -> str:
    """Return the name or address in a Host header; "" for a malformed one."""
    match = _HOST.fullmatch(host.lower())
    return match[1].strip("[]") if match else ""


def refuse_foreign(headers: Mapping[str, str], address: str) -> None:
    """Raise ForeignRequest for a request to a foreign name, or from a page of another origin.

    Parameters
    ----------
    address
        Where the offline cloud listens beside loopback.
    """
    host, origin = headers.get("host", ""), headers.get("origin")
    name = host_name(host)
    if host and name != address and not _is_loopback(name):
        raise ForeignRequest(
            f"the Host header is {host!r}, expected localhost, a loopback address or {address}: "
            "call the offline cloud by one of them"
        )
    if origin is not None and origin.lower() != f"http://{host.lower()}":
        raise ForeignRequest(
            f"the Origin header is {origin!r}: a web page may only call the REST API, not AWS's "
            "services or /kennel/"
        )


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
