"""Write docs/settings.md, the stack's parameters, from template.yaml.

    .venv/bin/python scripts/settings.py

Run it after changing a parameter; tests/scripts/test_settings.py compares.
"""

from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "settings.md"
HEAD = """# Settings of the stack

<!-- written by scripts/settings.py -->
The parameters of `template.yaml`. Name those that differ in an environment of `samconfig.toml`,
below `parameter_overrides`; offline, `kennel plan --set Name=Value` plans with them. Settings of a
training are the flags of [`kennel train`](cli.md#kennel-train), those of the model server are in
[serving.md](serving.md#the-processes).
"""


def page() -> str:
    """Return docs/settings.md."""
    template = yaml_parse((ROOT / "template.yaml").read_text())
    parts = [HEAD]
    for group in template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]:
        parts.append(f"\n## {group['Label']['default']}\n\n")
        parts.append("| parameter | default | takes | |\n| --- | --- | --- | --- |\n")
        for name in group["Parameters"]:
            parameter = template["Parameters"][name]
            shown = f"`{parameter['Default']}`" if parameter["Default"] != "" else ""
            cells = (f"`{name}`", shown, _takes(parameter), parameter["Description"])
            parts.append(f"| {' | '.join(' '.join(each.split()) for each in cells)} |\n")
    return "".join(parts)


def _takes(parameter: dict[str, Any]) -> str:
    if values := parameter.get("AllowedValues"):
        return ", ".join(f"`{each}`" for each in values)
    if "MinValue" in parameter and "MaxValue" in parameter:
        return f"{parameter['MinValue']} to {parameter['MaxValue']}"
    return str(parameter.get("ConstraintDescription", ""))


if __name__ == "__main__":
    TARGET.write_text(page())
