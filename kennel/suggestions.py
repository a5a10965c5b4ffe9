"""Suggest, for an option that a command lacks, the command that has it."""

import difflib
from typing import Any

from typer import Context
from typer.core import TyperGroup

from kennel.train import training_flags


class SuggestingGroup(TyperGroup):
    """A group of commands whose error "No such option" suggests an option of another command."""

    def invoke(self, ctx: Context) -> Any:  # type: ignore[override]  # typer hides click's type
        """Run the command; add a suggestion to its error about an unknown option."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            # typer has no public name for its NoSuchOption
            option = getattr(error, "option_name", None)
            if option and not getattr(error, "possibilities", True):
                error.message += self._elsewhere(ctx, option)  # type: ignore[attr-defined]
            raise

    def _elsewhere(self, ctx: Context, option: str) -> str:
        commands_of: dict[str, list[str]] = {flag: ["train"] for flag in training_flags()}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            for parameter in command.get_params(ctx) if command else ():
                for flag in parameter.opts:
                    if flag.startswith("--") and flag != "--help":
                        commands_of.setdefault(flag, []).append(name)
        near = difflib.get_close_matches(option, commands_of, 1, cutoff=0.8)
        if not near:
            return ""
        commands = " and ".join(f"`kennel {name}`" for name in commands_of[near[0]])
        return f". Did you mean {near[0]} of {commands}?"
