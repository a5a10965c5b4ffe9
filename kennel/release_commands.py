"""The commands that change the live model: `kennel release` and `kennel rollback`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from kennel import aws, running_cloud
from kennel.aws_commands import Json, Offline, Profile, Region, StackName, aws_errors_as_sentences
from kennel.deployed import Target, offline_target, target_of
from kennel.deployment import DEFAULT_ENV, read
from kennel.package_file import read_package
from kennel.progress import OnState, show_states
from kennel.release import Released, release_package
from kennel.rollback import roll_back

screen = Console(stderr=True)

ConfigEnv = Annotated[
    str,
    typer.Option(
        help="Environment of samconfig.toml, for a stack on AWS; without it, the running "
        "`kennel up`.",
        show_default=False,
    ),
]


def run_release(
    package: Annotated[Path, typer.Argument(help="Model package, model.tar.gz.")],
    *,
    config_env: ConfigEnv = "",
    stack_name: StackName = "",
    region: Region = "",
    profile: Profile = "",
    offline: Offline = False,
    json_: Json = False,
) -> None:
    """Release a model package: upload it, register it, and put it behind the API.

    The state machine tests it with its own photo, and takes it back if that fails. A package that
    is live already is left alone.
    """
    checked = read_package(package)
    target = _target(config_env, stack_name, region, profile, offline=offline)
    upload = f"uploading {package}, {package.stat().st_size / 1e6:,.0f} MB"
    _run(
        lambda show: release_package(target, checked, show, lambda: screen.print(upload)),
        as_json=json_,
    )


def run_rollback(
    *,
    config_env: ConfigEnv = "",
    stack_name: StackName = "",
    region: Region = "",
    profile: Profile = "",
    offline: Offline = False,
    json_: Json = False,
) -> None:
    """Release the model again that was live before the present one."""
    target = _target(config_env, stack_name, region, profile, offline=offline)
    _run(lambda show: roll_back(target, show), as_json=json_)


def _target(
    config_env: str, stack_name: str, region: str, profile: str, *, offline: bool
) -> Target:
    if (config_env or stack_name) and not offline:
        deployment = read(config_env or DEFAULT_ENV, stack_name=stack_name, region=region)
        connect = aws.connect(deployment.region, profile)
        with aws_errors_as_sentences():
            return target_of(connect, deployment.stack_name)
    address = running_cloud.require(
        "start it, or name an environment of samconfig.toml for a stack on AWS, such as "
        "--config-env dev"
    )
    return offline_target(address.aws_url, address.outputs, address.api_url)


def _run(change: Callable[[OnState], Released], *, as_json: bool) -> None:
    with aws_errors_as_sentences(), show_states(screen) as show:
        live = change(show)
    if as_json:
        print(live.as_json())
    else:
        Console().print(live.as_text(), highlight=False, markup=False, soft_wrap=True)
