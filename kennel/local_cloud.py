"""Kennel's own stack in the offline cloud: template.yaml, its parameters and its serving image."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from kennel.cloud.cloud import Cloud, run_cloud
from kennel.cloud.cloudformation.names import ACCOUNT, REGION
from kennel.cloud.config import LOOPBACK, CloudConfig
from kennel.cloud.iam.permissions import OnAuthorised
from kennel.cloud.runtime.faults import Faults
from kennel.cloud.runtime.health import Health
from kennel.paths import MODEL, PYTHON, TEMPLATE

#: The name that stands for the serving image which this checkout would build. The account is
#: nobody's: an image of the stack's own would have to be in the offline ECR.
OFFLINE_IMAGE = f"000000000000.dkr.ecr.{REGION}.amazonaws.com/kennel/serving:offline"

#: What differs from the template's defaults: no image to pull, and no minutes to wait.
OFFLINE_PARAMETERS = {"ServingImage": OFFLINE_IMAGE, "PollSeconds": "1", "BakeSeconds": "2"}

#: model/server.py runs in place of each serving image, since all of Kennel's contain it; the
#: template names their repository, in whatever cloud it is deployed.
SERVER = (PYTHON, MODEL / "server.py", "serve")
IMAGES = {
    OFFLINE_IMAGE: SERVER,
    "kennel/serving:offline": SERVER,  # for a script that creates models itself
    f"{ACCOUNT}.dkr.ecr.*.amazonaws.com/*/serving[:@]*": SERVER,
    "763104351884.dkr.ecr.*.amazonaws.com/ray:*": SERVER,  # AWS's, which runs the package's code
}


@contextlib.contextmanager
def local_cloud(
    parameters: Mapping[str, str] | None = None,
    *,
    template: Path = TEMPLATE,
    stack_name: str = "kennel",
    host: str = LOOPBACK,
    port: int = 0,
    state: Path | None = None,
    fresh: bool = False,
    keep_logs: bool = False,
    quotas: Mapping[str, float] | None = None,
    faults: Faults | None = None,
    report: Callable[[str], None] = lambda line: None,
    health: Health | None = None,
    on_authorised: OnAuthorised | None = None,
) -> Iterator[Cloud]:
    """Run Kennel's stack on this machine while the block runs; see `CloudConfig` for the rest.

    Parameters
    ----------
    parameters
        Overrides of the template's parameters, beside OFFLINE_PARAMETERS.

    Raises
    ------
    CannotStart
        With the reason.
    """
    config = CloudConfig(
        template=template,
        parameters={**OFFLINE_PARAMETERS, **(parameters or {})},
        images=IMAGES,
        build_inputs=(MODEL,),
        host=host,
        port=port,
        stack_name=stack_name,
        state=state,
        fresh=fresh,
        keep_logs=keep_logs,
        quotas=quotas or {},
        faults=faults or Faults(),
        report=report,
        health=health or Health(),
        on_authorised=on_authorised,
    )
    with run_cloud(config) as cloud:
        yield cloud
