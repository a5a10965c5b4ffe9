"""Configuration with which an offline cloud is started."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kennel.cloud.awslambda.build import BUILDS
from kennel.cloud.iam.permissions import OnAuthorised
from kennel.cloud.runtime.faults import Faults
from kennel.cloud.runtime.health import Health
from kennel.cloud.sagemaker.endpoints.images import Command

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class CloudConfig:
    """The template and the settings of one offline cloud.

    Attributes
    ----------
    template
        The SAM or CloudFormation template to deploy at the start; None for an empty cloud.
    parameters
        Overrides of the template's parameters.
    images
        Image name, or a pattern with * for many -> the command that stands for it.
    build_inputs
        Folders whose files go into the functions' builds, beside the functions' own.
    build_folder
        Where builds are kept.
    host, port
        Where the gateway listens; port 0 is any free one. It listens on loopback in any case:
        moto's interpreter calls back there.
    stack_name
        As for `sam deploy`.
    clock_speed
        Offline seconds in a real second, for what AWS measures in minutes.
    state
        Folder of what survives a restart; None forgets all of it at the end.
    fresh
        Start without what is in `state`: it is removed once no other cloud can be using it.
    keep_logs
        Leave the logs at the end; a cloud that starts in this checkout an hour later removes them.
    quotas
        Values of Service Quotas by a quota's name, where they are not the default.
    faults
        Faults that wait from the start on.
    report
        Called with a line for each step of the start.
    health
        Records the parts of the cloud that fail while it runs.
    on_authorised
        Called for every permission that a role had and used.
    """

    template: Path | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, Command] = field(default_factory=dict)
    build_inputs: tuple[Path, ...] = ()
    build_folder: Path = BUILDS
    host: str = LOOPBACK
    port: int = 0
    stack_name: str = "kennel"
    clock_speed: float = 1.0
    state: Path | None = None
    fresh: bool = False
    keep_logs: bool = False
    quotas: Mapping[str, float] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    report: Callable[[str], None] = lambda line: None
    health: Health = field(default_factory=Health)
    on_authorised: OnAuthorised | None = None
