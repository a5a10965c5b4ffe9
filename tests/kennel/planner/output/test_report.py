"""The HTML report is one whole file that fetches nothing."""

import base64
import hashlib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from kennel.planner.analysis import alternatives
from kennel.planner.analysis.plan import Plan
from kennel.planner.engines.analytic import estimate
from kennel.planner.errors import PlanError
from kennel.planner.inputs import prices
from kennel.planner.inputs.settings import PlanSettings
from kennel.planner.inputs.traffic import constant, parse
from kennel.planner.output import report

ROOMY = PlanSettings(quota=10**9, rate=200.0, burst=200, reserved=50)


class Balanced(HTMLParser):
    """Checks that what is opened is closed, and that nothing is fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not {name for name, _ in attrs} & {"src", "href", "onclick"}
        if tag not in {"meta", "link", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_report_is_one_whole_file_that_fetches_nothing(tmp_path: Path) -> None:
    profile = replace(parse("spike:10,x6,5m", 3600), name="<script>alert(1)</script>")
    result = estimate(replace(ROOMY, reserved=5), profile)
    path = tmp_path / "new" / "plan.html"
    options = alternatives.compare(result, prices.read())
    report.write(path, Plan(result, prices.read(), options=options))
    page = path.read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    assert page.count("<svg") == 6
    assert page.count("serverless inference") == 1
    assert list(path.parent.iterdir()) == [path]


def test_the_page_s_policy_allows_its_own_style_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "plan.html"
    report.write(path, Plan(estimate(ROOMY, constant(1, 600)), prices.read()))
    page = path.read_text()
    style = page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src &#39;none&#39;; style-src &#39;sha256-{digest}&#39;;" in page.replace(
        "'", "&#39;"
    )


def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = estimate(ROOMY, constant(1, 600))
    with pytest.raises(PlanError, match="cannot write the report"):
        report.write(tmp_path / "file" / "plan.html", Plan(result, prices.read()))
