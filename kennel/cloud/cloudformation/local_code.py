"""References to code and definitions on this machine, in the form of S3 locations.

`sam package` uploads files and writes the locations of the objects; `kennel up` uploads nothing.
"""

from pathlib import Path
from typing import Any

#: The bucket of such locations; code is looked for on this machine before any bucket.
HERE = "here"

#: The property that names local code, by type.
CODE_PROPERTIES = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
    "AWS::Lambda::Function": "Code",
    "AWS::Lambda::LayerVersion": "Content",
}


def with_local_code(source: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Replace paths of code by the logical id, and those of definitions by the file's path.

    Parameters
    ----------
    folder
        What relative paths begin at.
    """
    for logical_id, resource in source["Resources"].items():
        properties = resource.setdefault("Properties", {}) or {}
        if code := CODE_PROPERTIES.get(resource["Type"]):
            is_serverless = resource["Type"].startswith("AWS::Serverless")
            if "InlineCode" in properties or isinstance(properties.get(code), dict):
                continue
            location = {"S3Bucket": HERE, "S3Key": logical_id}
            properties[code] = f"s3://{HERE}/{logical_id}" if is_serverless else location
        definition = properties.get("DefinitionUri")
        if resource["Type"] == "AWS::Serverless::StateMachine" and isinstance(definition, str):
            properties["DefinitionUri"] = f"s3://{HERE}{(folder / definition).resolve()}"
    return source
