"""docs/settings.md is what scripts/settings.py makes of the template."""

from scripts import settings
from tests.stack import source


def test_the_page_is_up_to_date() -> None:
    assert settings.TARGET.read_text() == settings.page(), "run scripts/settings.py"


def test_the_settings_page_has_every_parameter() -> None:
    text = settings.TARGET.read_text()
    assert [name for name in source()["Parameters"] if f"| `{name}` |" not in text] == []
