"""The licences of what is deployed, and its bills of materials."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from scripts import lock, sbom


def shipped() -> list[str]:
    """Return the names of all packages that Lambda, a container or a model package is given."""
    texts = [(sbom.ROOT / name).read_text() for name in lock.HASHED]
    pins = re.compile(r"^([\w.-]+)==", re.MULTILINE)
    return sorted({str(name).lower() for text in texts for name in pins.findall(text)})


@pytest.mark.parametrize("package", shipped())
def test_every_licence_of_what_is_shipped_is_known_and_accepted(package: str) -> None:
    """A failure asks for a look at the package's licence, then for a line in scripts/sbom.py."""
    licences = set(re.split(r" (?:AND|OR|WITH) ", sbom.licence(package).strip("()")))
    assert licences <= sbom.ACCEPTED


@pytest.mark.parametrize("line", ["", "License: UNKNOWN", "License-Expression: AGPL-3.0-only"])
def test_another_licence_would_be_seen(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "odd-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.4\nName: odd\nVersion: 1\n{line}\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert sbom.licence("odd") not in sbom.ACCEPTED


def test_no_licence_is_kept_for_a_package_that_is_not_shipped_any_more() -> None:
    assert set(sbom.LOOKED_UP) <= set(shipped())


@pytest.mark.slow
@pytest.mark.parametrize("name", lock.HASHED)
def test_a_bill_has_each_package_with_version_hashes_and_licence(name: str, tmp_path: Path) -> None:
    if not sbom.TOOL.exists():
        pytest.skip("no cyclonedx-py in .venv-tools: run `make tools`")
    document = sbom.bill(sbom.ROOT / name)
    text = (sbom.ROOT / name).read_text()
    pins = set(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))
    assert {(each["name"], each["version"]) for each in document["components"]} == pins
    hashes = {
        each["content"]
        for component in document["components"]
        for reference in component["externalReferences"]
        for each in reference.get("hashes", ())
    }
    assert hashes == set(re.findall("sha256:([0-9a-f]{64})", text))
    file = tmp_path / "bill.json"
    file.write_text(json.dumps(document))
    check = (
        "import sys; from cyclonedx.schema import SchemaVersion;"
        "from cyclonedx.validation.json import JsonStrictValidator as V;"
        "sys.exit(str(V(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read()) or '') or None)"
    )
    subprocess.run([sbom.TOOL.with_name("python"), "-c", check, file], check=True)
