"""`kennel destroy`: `sam delete`, and then a look at whether anything is left."""

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table

from kennel.errors import KennelError
from kennel.paths import ROOT

#: Runs a command line to its end, before the person's eyes, and returns its exit status.
Run = Callable[[Sequence[str]], int]


@dataclass(frozen=True)
class Left:
    """Something that the stack, or its executions, made and that still exists.

    Attributes
    ----------
    kind, name
        What it is.
    costs
        Whether it costs money by existing.
    by_design
        Whether it is kept on purpose.
    command
        What removes it.
    """

    kind: str
    name: str
    costs: bool
    command: str
    by_design: bool = False


def run(command: Sequence[str]) -> int:
    """Run a command with this terminal's input, its output among the messages.

    What is left is the result: with --json nothing else may be on the standard output.
    """
    return subprocess.run(command, check=False, stdout=2).returncode


def sam(root: Path = ROOT) -> str:
    """Return where SAM's command line is: `make tools` puts it into .venv-tools.

    Raises
    ------
    KennelError
        It is nowhere.
    """
    ours = root / ".venv-tools" / "bin" / "sam"
    found = str(ours) if ours.exists() else shutil.which("sam")
    if found is None:
        raise KennelError("there is no sam command: `make tools` installs it")
    return found


def delete_stack(
    stack_name: str, region: str, profile: str, *, yes: bool, run: Run, command: str
) -> None:
    """Run `sam delete`, which asks before it does anything unless `yes`.

    Raises
    ------
    KennelError
        It failed.
    """
    line = [command, "delete", "--stack-name", stack_name]
    line += ["--region", region] if region else []
    line += ["--profile", profile] if profile else []
    line += ["--no-prompts"] if yes else []
    if status := run(line):
        raise KennelError(
            f"`{' '.join(line)}` ended with status {status}; its reason is above, and what is left "
            "is listed by this command again"
        )


def keeps_costing(left: Sequence[Left]) -> bool:
    """Return whether something costs money that nobody meant to keep."""
    return any(each.costs and not each.by_design for each in left)


def as_table(left: Sequence[Left]) -> Table:
    """Return what is left, with the command for each."""
    table = Table("left", "name", "costs?", "removed by", title_justify="left", show_lines=True)
    for each in left:
        kind = f"{each.kind} (kept by design)" if each.by_design else each.kind
        costs = "[red]yes" if each.costs and not each.by_design else "yes" if each.costs else "no"
        table.add_row(kind, each.name, costs, each.command.replace("[", r"\["))
    return table


def as_json(left: Sequence[Left]) -> str:
    """Return {"keeps_costing": bool, "left": [{kind, name, costs, by_design, command}]}."""
    return json.dumps({"keeps_costing": keeps_costing(left), "left": [asdict(x) for x in left]})
