"""Generate docs/errors.md: every error that users can see, found in the source, and its remedy.

    .venv/bin/python scripts/errors.py

Names, statuses and sentences are the code's, the remedies those of scripts/remedies.yaml. A name
without a remedy stops the script, and tests/scripts/test_errors.py compares the page.
"""

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "errors.md"
REMEDIES = yaml_parse((ROOT / "scripts" / "remedies.yaml").read_text())
MOST = 0.5  # of a sentence's words that may differ from case to case
HEAD = """# Errors and their remedies

<!-- written by scripts/errors.py -->
Search this page for the words that you read; `…` stands for names and numbers.
"""
API = """
## The API

Every error is a problem document, whose `detail` says what was received, what was expected and what
to do; [api.md](api.md) says which statuses to retry. The first rows are the functions' own
(`functions/common/problem.py`), those in capitals API Gateway's (its response types in
`template.yaml`). The metric `Refusals` counts by the words in the last column.

"""
PIPELINE = """
## Pipeline

What an execution of the state machine ends with: the error, and a cause in one sentence, which is
in the mail, too. The live model stays, or comes back.

"""
TRAINING = """
## Training and packages

The audit's findings have a table of their own, each with the flag that accepts it:
[training.md](training.md#the-audit); the rules that stop a training are in [watch.md](watch.md).
Besides:

"""
COMMANDS = """
## Commands

`kennel` prints one of these after `kennel: ` and ends with status 1; a wrong option ends with 2.
What to do is in the sentence.

"""
OFFLINE = """
## Templates that the offline cloud refuses

"""


@dataclass(frozen=True)
class Raised:
    """An exception that code raises, with its sentence and where it is."""

    name: str
    sentence: str
    reason: str
    file: str


def page() -> str:
    """Return docs/errors.md."""
    of_kennel = _raised(_family("kennel", "KennelError"), "kennel")
    of_cloud = [each for each in of_kennel if each.file.startswith("kennel/cloud/")]
    names = _family("model", "DataError") | _family("model", "PackageError")
    parts = [
        *(HEAD, API, _api()),
        *(PIPELINE, _pipeline()),
        *(TRAINING, _sentences(_raised(names, "model/dogbreeds"))),
        *(COMMANDS, _sentences([each for each in of_kennel if each not in of_cloud])),
        *(OFFLINE, _sentences(of_cloud)),
    ]
    return "".join(parts)


def _api() -> str:
    raised = _raised(_family("functions", "Problem"), "functions")
    rows = []
    template = yaml_parse((ROOT / "template.yaml").read_text())
    gateway = template["Resources"]["Api"]["Properties"]["GatewayResponses"]
    for name, (doc, status) in _problems().items():
        reasons = sorted({each.reason for each in raised if each.name == name} - {""})
        counted = ", ".join(f"`{each}`" for each in reasons)
        rows.append([f"`{name}`", status, doc, REMEDIES["api"][name], counted])
    for name, response in gateway.items():
        detail = json.loads(response["ResponseTemplates"]["application/json"])["detail"]
        status = str(response.get("StatusCode", ""))
        rows.append([f"`{name}`", status, detail, REMEDIES["api"][name], ""])
    listed = _table(["error", "status", "means", "what to do", "`Reason`"], rows)
    sentences = _sentences(raised)
    return f"{listed}\n{sentences}"


def _pipeline() -> str:
    raised = _raised(_family("functions", "PipelineFailure"), "functions")
    means = _docs(ROOT / "functions" / "common" / "failures.py")
    del means["PipelineFailure"]
    states = yaml_parse((ROOT / "statemachine" / "train_and_deploy.asl.yaml").read_text())
    for state in states["States"].values():
        parameters = state.get("Parameters", {})
        if name := parameters.get("Error"):
            words = parameters["Reason"]["errorMessage.$"].split("'")[1]
            text = re.sub(r"\{\}|\$\{\w+\}", "…", words)
            means[name] = f"{means[name]} / {text}" if name in means else text
    rows = [[f"`{name}`", text, REMEDIES["pipeline"][name]] for name, text in means.items()]
    listed = _table(["error", "means", "what to do"], rows)
    return f"{listed}\n{_sentences(raised)}"


def _sentences(raised: list[Raised]) -> str:
    rows = sorted({(each.sentence, f"`{each.file}`") for each in raised if _says(each.sentence)})
    return _table(["it says", "from"], [list(each) for each in rows])


def _says(sentence: str) -> bool:
    """Return whether a sentence can be found by its words."""
    words = sentence.split()
    return len(words) > 0 and sum("…" in word for word in words) / len(words) < MOST


def _raised(names: set[str], folder: str) -> list[Raised]:
    raised = []
    for file in sorted((ROOT / folder).rglob("*.py")):
        tree = ast.parse(file.read_text())
        constants = _constants(tree)
        for node in ast.walk(tree):
            match node:
                case ast.Raise(exc=ast.Call(func=ast.Name(id=name)) as call) if name in names:
                    sentence = _text(call.args[0], constants) if call.args else ""
                    reason = next(
                        (
                            str(each.value.value)
                            for each in call.keywords
                            if each.arg == "reason" and isinstance(each.value, ast.Constant)
                        ),
                        "",
                    )
                    raised.append(Raised(name, sentence, reason, str(file.relative_to(ROOT))))
    return raised


def _text(node: ast.expr, constants: Mapping[str, str]) -> str:
    """Return a sentence with … for what differs; empty if all of it does."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name) if name in constants:
            return constants[name]
        case ast.JoinedStr(values=values):
            return "".join(_text(each, constants) or "…" for each in values)
        case ast.FormattedValue(value=value):
            return _text(value, constants) or "…"
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return (_text(left, constants) or "…") + (_text(right, constants) or "…")
    return ""


def _constants(tree: ast.Module) -> dict[str, str]:
    """Return a module's texts by the names that they are assigned to."""
    texts: dict[str, str] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                if text := _text(value, texts):
                    texts[name] = text
    return texts


def _family(folder: str, root: str) -> set[str]:
    """Return the names of an exception and of all that derive from it."""
    derived = [  # by pairs: two modules may have classes of the same name, with other bases
        (node.name, base.id)
        for file in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        if isinstance(base, ast.Name)
    ]
    names = {root}
    while more := {name for name, base in derived if base in names} - names:
        names |= more
    return names


def _docs(file: Path) -> dict[str, str]:
    """Return the first line of each class's docstring."""
    return {
        node.name: (ast.get_docstring(node) or "").partition("\n")[0]
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.ClassDef)
    }


def _problems() -> dict[str, tuple[str, str]]:
    """Return the functions' errors: what each means, and its status, as its module draws them."""
    module = ast.parse((ROOT / "functions" / "common" / "problem.py").read_text())
    drawn = re.findall(r"── (\w+) +(\d{3}) +(.+)", ast.get_docstring(module) or "")
    return {name: (text, status) for name, status, text in drawn}


def _table(columns: list[str], rows: list[list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    cells = (" | ".join(_cell(each) for each in line) for line in lines)
    return "".join(f"| {line} |\n" for line in cells)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    TARGET.write_text(page())
