from pathlib import Path

import jinja2
import pytest

from dogbreeds.report.render import environment


@pytest.fixture
def templates(tmp_path: Path) -> jinja2.Environment:
    (tmp_path / "page.html.j2").write_text('<a title="{{ name }}">{{ name }} {{ y }}</a>')
    (tmp_path / "icon.svg.j2").write_text("{{ name }}")
    return environment(tmp_path)


@pytest.mark.parametrize("name", ["<i>", '"', "'", "&"])
def test_every_value_of_every_template_is_escaped(templates: jinja2.Environment, name: str) -> None:
    page = templates.get_template("page.html.j2").render(name=name, y=0.125)
    escaped = {"<i>": "&lt;i&gt;", '"': "&#34;", "'": "&#39;", "&": "&amp;"}[name]
    assert page == f'<a title="{escaped}">{escaped} 0.12</a>'
    assert templates.get_template("icon.svg.j2").render(name=name) == escaped


def test_a_value_that_nobody_passed_is_an_error(templates: jinja2.Environment) -> None:
    with pytest.raises(jinja2.UndefinedError, match="'y' is undefined"):
        templates.get_template("page.html.j2").render(name="Pug")
