"""`kennel env`: print the variables with which AWS's tools call the offline cloud."""

import json
from typing import Annotated

import typer

from kennel import running_cloud


def env(
    json_: Annotated[
        bool, typer.Option("--json", help="Print a JSON object instead of `export` lines.")
    ] = False,
) -> None:
    """Print the variables with which AWS's tools call the running `kennel up`.

    Evaluate them: eval "$(kennel env)"
    """
    address = running_cloud.require()
    print(json.dumps(address.variables()) if json_ else address.exports())
