"""Load the definitions in statemachine/ with every substitution made."""

import re
from typing import Any

import yaml

from tests.stack import ROOT

#: Files by logical id in template.yaml.
DEFINITIONS = {
    "TrainAndDeploy": ROOT / "statemachine" / "train_and_deploy.asl.yaml",
    "CleanUpMachine": ROOT / "statemachine" / "clean_up.asl.yaml",
}
FUNCTIONS = (
    *("Preflight", "PublishBundle", "FindPackage", "EnsureImage", "StartTuning", "StartTraining"),
    *("Judge", "Register", "Release", "SmokeTest", "PublishBreeds", "ApplyAutoscaling"),
    "CleanUp",
)
SUBSTITUTIONS = {
    "Partition": "aws",
    "EndpointName": "kennel",
    "PollSeconds": "0",
    "SettleSeconds": "0",
    "BusySeconds": "1",  # Step Functions accepts no 0 here
    "TopicArn": "arn:aws:sns:us-east-1:123456789012:kennel-news",
    **{
        f"{name}FunctionArn": f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
        for name in FUNCTIONS
    },
}


def definition(machine: str = "TrainAndDeploy") -> dict[str, Any]:
    """Substitute in the text, as CloudFormation does, so that PollSeconds becomes a number."""
    text = DEFINITIONS[machine].read_text()
    text = re.sub(r"\$\{(\w+)\}", lambda match: SUBSTITUTIONS[match[1]], text)
    parsed: dict[str, Any] = yaml.safe_load(text)
    return parsed
