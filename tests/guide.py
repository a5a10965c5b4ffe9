"""A page's code, and a reader who pastes it in a checkout, for the tests of README and docs/."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kennel.cloud.awslambda.build import LAMBDA
from kennel.cloud.runtime.clients import client
from kennel.paths import ROOT

_BLOCK = re.compile(
    r"^(?: *<!-- (?P<mark>[^\n]*?) -->\n)?"
    r"(?P<fence> *)```(?P<language>\w*)\n(?P<code>.*?)^(?P=fence)```",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """Fenced code of a page.

    Attributes
    ----------
    mark
        The comment on the line before: "runs in FILE" or "not run: REASON", or empty.
    """

    language: str
    code: str
    mark: str


def blocks(page: str) -> list[Block]:
    """Return a page's fenced code, without the indentation of its list item."""
    return [
        Block(
            match["language"],
            re.sub(rf"^{match['fence']}", "", match["code"], flags=re.MULTILINE),
            match["mark"] or "",
        )
        for match in _BLOCK.finditer((ROOT / page).read_text())
    ]


def block(page: str, language: str, containing: str) -> str:
    """Return the one code of a page that runs in the tests, is in a language and has a text."""
    (code,) = [
        each.code
        for each in blocks(page)
        if each.mark.startswith("runs in") and each.language == language and containing in each.code
    ]
    return code


@dataclass
class Reader:
    """Someone who pastes a page's lines in a checkout.

    Attributes
    ----------
    outputs
        Of the stack, put where a page has their names in <>.
    """

    checkout: Path
    environment: dict[str, str]
    outputs: dict[str, str] = field(default_factory=dict)

    def paste(self, code: str) -> str:
        """Run lines in a shell, which ends at the first that fails; return what they print."""
        for name, value in self.outputs.items():
            code = code.replace(f"<{name}>", value)
        assert not re.search(r"<\w+>", code), code
        done = subprocess.run(
            ["bash", "-ec", code],
            cwd=self.checkout,
            env=self.environment,
            input="y\n" * 9,  # `sam delete` asks
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{code}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def aws(self, service: str) -> Any:
        """Return a client of the cloud."""
        return client(service, self.environment["AWS_ENDPOINT_URL"])

    def read_outputs(self, stack: str) -> None:
        """Take the outputs of a stack that is deployed."""
        (description,) = self.aws("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        self.outputs = {each["OutputKey"]: each["OutputValue"] for each in description["Outputs"]}


def copy_checkout(target: Path) -> None:
    """Copy this checkout, so that what its reader makes is not what the tests run in."""
    left_out = shutil.ignore_patterns(
        ".git", ".venv*", ".kennel", ".aws-sam", "__pycache__", ".*_cache"
    )
    shutil.copytree(ROOT, target, ignore=left_out)
    for venv in (".venv", ".venv-tools"):
        (target / venv).symlink_to(ROOT / venv)


def copy_photos(woof10: Path, target: Path, breeds: int, photos: int) -> list[Path]:
    """Copy some photos of some breeds into folders; return the breeds' folders."""
    for breed in sorted((woof10 / "train").iterdir())[:breeds]:
        (target / breed.name).mkdir(parents=True)
        for photo in sorted(breed.iterdir())[:photos]:
            shutil.copy(photo, target / breed.name)
    return sorted(target.iterdir())


@contextlib.contextmanager
def reader_of_an_empty_cloud(folder: Path) -> Iterator[Reader]:
    """Start `kennel up --empty`; yield a reader in a copy of this checkout, with AWS's tools.

    Two waits in samconfig.toml, minutes on AWS, are seconds; `sam build` packs for this machine's
    Python, offline.
    """
    for tool in ("sam", "aws"):
        if not (ROOT / ".venv-tools" / "bin" / tool).exists():
            pytest.skip(f"no {tool} in .venv-tools: run `make tools`")
    copy_checkout(folder / "kennel")
    config = folder / "kennel" / "samconfig.toml"
    quick = 'parameter_overrides = [\n  "PollSeconds=1", "BakeSeconds=2",'
    config.write_text(config.read_text().replace("parameter_overrides = [", quick))
    environment = {
        "PATH": f"{ROOT / '.venv-tools' / 'bin'}:{os.environ['PATH']}",
        "HOME": str(folder),  # without the credentials and settings of whoever runs the tests
        "KENNEL_STATE": str(folder / "state"),
        "SAM_CLI_TELEMETRY": "0",
        "AWS_PAGER": "",
        "PIP_FLAGS": f"--no-index --find-links {LAMBDA / 'wheels'}",
    }
    up = [sys.executable, "-m", "kennel.cli", "up", "--empty", "--port", "0", "--json"]
    with (folder / "up.log").open("w") as log:
        process = subprocess.Popen(
            up, env=os.environ | environment, stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdout is not None
    with process, contextlib.ExitStack() as exits:
        exits.callback(process.terminate)
        assert process.stdout.readline(), (folder / "up.log").read_text()
        reader = Reader(folder / "kennel", environment)
        environment |= json.loads(reader.paste(".venv/bin/kennel env --json"))
        yield reader
