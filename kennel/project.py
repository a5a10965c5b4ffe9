"""Run the offline cloud for another project's template, or empty, until Ctrl-C."""

import contextlib
import hashlib
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from kennel import running_cloud
from kennel.cloud.awslambda.build import is_built
from kennel.cloud.cloud import run_cloud
from kennel.cloud.config import CloudConfig
from kennel.cloud.runtime.health import Health
from kennel.deployment import parse_parameters
from kennel.errors import KennelError
from kennel.local_cloud import IMAGES
from kennel.paths import STATE

_NAMES = ("template.yaml", "template.yml", "template.json")


def find_template(place: Path) -> Path:
    """Return the template of a SAM project: the one that `sam build` wrote, where it did.

    Raises
    ------
    KennelError
        When there is none.
    """
    place = place.expanduser()
    if place.is_file():
        return place
    for folder in (place / ".aws-sam" / "build", place):
        for name in _NAMES:
            if (folder / name).is_file():
                return folder / name
    raise KennelError(
        f"{place} holds no template: expected one of {', '.join(_NAMES)}, or a template's file"
    )


def for_project(
    config: CloudConfig, template: Path | None, overrides: Sequence[str], stack_name: str
) -> CloudConfig:
    """Return a configuration with a project's template and state; without a template an empty one.

    Parameters
    ----------
    stack_name
        Empty for the name of the project's folder.
    """
    if template is None:
        return replace(config, state=STATE / "projects" / "empty")
    project = template.resolve().parents[2 if is_built(template) else 0]
    digest = hashlib.sha256(str(project).encode()).hexdigest()[:8]
    name = re.sub(r"[^A-Za-z0-9-]+", "-", project.name).strip("-") or "project"
    return replace(
        config,
        template=template,
        parameters=parse_parameters(list(overrides)),
        stack_name=stack_name or name,
        state=STATE / "projects" / f"{project.name}-{digest}",
    )


def run_project(
    template: Path | None,
    overrides: Sequence[str],
    stack_name: str,
    screen: Console,
    *,
    port: int,
    bind: str,
    fresh: bool,
    as_json: bool,
) -> None:
    """Run the cloud, and print where it answers, until Ctrl-C or `kennel down`."""
    with contextlib.ExitStack() as exits:
        exits.enter_context(running_cloud.temporary_folder())
        with screen.status("starting the offline cloud") as status:
            settings = CloudConfig(
                images=IMAGES,
                port=port,
                host=bind,
                fresh=fresh,
                report=status.update,
                health=Health(lambda line: screen.print(line, markup=False, highlight=False)),
            )
            config = for_project(settings, template, overrides, stack_name)
            cloud = exits.enter_context(run_cloud(config))
        address = exits.enter_context(running_cloud.address_file(cloud))
        if as_json:
            print(address.as_json(), flush=True)
        else:
            if cloud.stack.outputs:
                table = Table("output", "value", title=f"stack {cloud.stack.name}")
                for name, value in cloud.stack.outputs.items():
                    table.add_row(name, value)
                Console().print(table)
            print(f"\nIn another terminal:\n\n{address.exports()}\n", flush=True)
        screen.print(
            f"{template or 'an empty cloud'}: runs until Ctrl-C or `kennel down`.",
            markup=False,
            highlight=False,
        )
        with contextlib.suppress(KeyboardInterrupt):
            while not cloud.ended.is_set():
                time.sleep(0.5)
