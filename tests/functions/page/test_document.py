import base64
import hashlib
import re
from html.parser import HTMLParser

from page.document import page, policy

HTML, POLICY = page()


class Document(HTMLParser):
    """Collects what matters of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(HTML)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def inside(tag: str) -> str:
    [text] = re.findall(f"<{tag}>(.*?)</{tag}>", HTML, re.DOTALL)
    assert isinstance(text, str)
    return text


def source_of(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_policy_names_the_style_and_the_script_by_hash() -> None:
    assert policy(inside("style"), inside("script")) == POLICY
    directives = dict(part.split(" ", 1) for part in POLICY.split("; "))
    assert directives["default-src"] == "'none'"
    assert directives["style-src"] == source_of(inside("style"))
    assert directives["script-src"] == source_of(inside("script"))
    assert directives["connect-src"] == "'self'"
    assert "unsafe" not in POLICY


def test_nothing_inline_escapes_the_hashes() -> None:
    for tag, attributes in Document().tags:
        assert "style" not in attributes, tag
        assert not [name for name in attributes if name.startswith("on")], tag


def test_nothing_is_loaded_from_elsewhere() -> None:
    for tag, attributes in Document().tags:
        for name in ("src", "href", "action"):
            address = attributes.get(name) or ""
            assert not address.startswith(("/", "http")), (tag, address)
    assert "@import" not in HTML
    assert "url(" not in HTML
    # The icon's XML namespace is the only absolute address, which is never fetched.
    assert set(re.findall(r"https?://[^\s'\"`]+", HTML)) == {"http://www.w3.org/2000/svg"}


def test_every_control_has_a_name() -> None:
    document = Document()
    labelled = {label.get("for") for label in document.all("label")}
    for control in document.all("input"):
        # The camera's lies inside its label.
        assert control["id"] in labelled or control["id"] == "camera"
    assert HTML.count('aria-live="polite"') == 1
    assert document.all("html") == [{"lang": "en"}]


def test_the_script_asks_for_ids_that_exist() -> None:
    ids = [attributes["id"] for _, attributes in Document().tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'\bat\("([\w-]+)"\)', inside("script"))) <= set(ids)


def test_no_placeholder_is_left() -> None:
    assert "{{" not in HTML.replace(inside("script"), "").replace(inside("style"), "")
