"""The page as one self-contained HTML document, with a policy that allows nothing else.

page.html, page.css and the scripts lie beside this file; the browser gets them as one document, and
the Content-Security-Policy names the style and the script by hash.
"""

import base64
import hashlib
from pathlib import Path

__all__ = ["page", "policy"]

_HERE = Path(__file__).parent
# They become one script, in this order.
_SCRIPTS = (
    "elements.js",
    "words.js",
    "problems.js",
    "key.js",
    "request.js",
    "photo.js",
    "photos.js",
    "answer.js",
    "heat_map.js",
    "page.js",
)


def page() -> tuple[str, str]:
    """Build the page.

    Returns
    -------
    tuple of str
        The HTML, and its Content-Security-Policy.

    Raises
    ------
    OSError
        A file of the page is missing from the package.
    """
    style = (_HERE / "page.css").read_text("utf-8")
    script = "\n".join((_HERE / name).read_text("utf-8") for name in _SCRIPTS)
    html = (_HERE / "page.html").read_text("utf-8")
    return html.replace("{{style}}", style).replace("{{script}}", script), policy(style, script)


def policy(style: str, script: str) -> str:
    """Write the Content-Security-Policy for one inline style and one inline script.

    Parameters
    ----------
    style, script
        Their text, exactly as between the tags.

    Returns
    -------
    str
        Nothing is loaded from anywhere, except blobs (the preview of the photo) and data (the drawn
        icon, the heat map);
        requests go to the page's own origin only.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src {_source(style)}",
            f"script-src {_source(script)}",
            "img-src blob: data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def _source(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
