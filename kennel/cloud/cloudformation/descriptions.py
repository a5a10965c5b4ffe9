"""What CloudFormation's calls answer about stacks, in the names of its API."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from kennel.cloud.cloudformation.change_sets import ChangeSet
from kennel.cloud.cloudformation.stack_state import StackResource, StackState
from kennel.cloud.cloudformation.stacks import capabilities_needed
from kennel.cloud.cloudformation.template import Template, read_template

Json = dict[str, Any]
_HIDDEN = "****"


def stack(state: StackState, reachable: Callable[[str], str] = str) -> Json:
    """Return a stack as DescribeStacks does.

    Parameters
    ----------
    reachable
        Puts the addresses at which APIs answer here into an output's value.
    """
    described: Json = {
        "StackId": state.id,
        "StackName": state.name,
        "Description": state.description,
        "CreationTime": _time(state.created),
        "StackStatus": state.status,
        "DisableRollback": state.disable_rollback,
        "NotificationARNs": [],
        "Capabilities": state.capabilities,
        "Tags": state.tags,
        "EnableTerminationProtection": state.is_protected,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
        "Parameters": _parameters(state),
        "Outputs": [
            {
                "OutputKey": name,
                "OutputValue": reachable(each["Value"]),
                **({"Description": each["Description"]} if "Description" in each else {}),
                **({"ExportName": each["Export"]} if "Export" in each else {}),
            }
            for name, each in state.outputs.items()
        ],
    }
    if state.change_set:
        described["ChangeSetId"] = state.change_set
    if state.reason:
        described["StackStatusReason"] = state.reason
    for member, text in (("LastUpdatedTime", state.updated), ("DeletionTime", state.deleted)):
        if text:
            described[member] = _time(text)
    return described


def summary(state: StackState) -> Json:
    """Return a stack as ListStacks does."""
    members = (
        *("StackId", "StackName", "CreationTime", "LastUpdatedTime", "DeletionTime"),
        *("StackStatus", "StackStatusReason", "DriftInformation"),
    )
    whole = stack(state)
    return {name: whole[name] for name in members if name in whole} | {
        "TemplateDescription": state.description
    }


def resource(state: StackState, entry: StackResource) -> Json:
    """Return a resource as DescribeStackResources does."""
    return {
        "StackName": state.name,
        "StackId": state.id,
        "LogicalResourceId": entry.resource.logical_id,
        "PhysicalResourceId": entry.resource.name,
        "ResourceType": entry.resource.type,
        "Timestamp": _time(entry.updated),
        "LastUpdatedTimestamp": _time(entry.updated),
        "ResourceStatus": entry.status,
        **({"ResourceStatusReason": entry.reason} if entry.reason else {}),
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }


def event(recorded: Json) -> Json:
    """Return an event as DescribeStackEvents does."""
    return {**recorded, "Timestamp": _time(recorded["Timestamp"])}


def change_set(made: ChangeSet) -> Json:
    """Return a change set as DescribeChangeSet does."""
    return {
        "ChangeSetName": made.name,
        "ChangeSetId": made.id,
        "StackId": made.stack.id,
        "StackName": made.stack.name,
        "Description": made.description,
        "Parameters": [
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in (made.template.parameters if made.template else {}).items()
        ],
        "CreationTime": _time(made.created),
        "ExecutionStatus": made.execution,
        "Status": made.status,
        **({"StatusReason": made.reason} if made.reason else {}),
        "Capabilities": list(made.request.capabilities),
        "Tags": list(made.request.tags),
        "NotificationARNs": [],
        "Changes": made.changes,
    }


def template_summary(text: str, template: Template | None) -> Json:
    """Return what GetTemplateSummary and ValidateTemplate answer about a template's text."""
    source = read_template(text, "the template")
    declared: Mapping[str, Any] = source.get("Parameters") or {}
    needed = capabilities_needed(template) if template else []
    types = {str(each["Type"]) for each in source["Resources"].values()}
    return {
        "Description": str(source.get("Description", "")),
        "Parameters": [
            {
                "ParameterKey": name,
                "ParameterType": str(spec.get("Type", "String")),
                "NoEcho": _is_hidden(spec),
                "Description": str(spec.get("Description", "")),
                **({"DefaultValue": str(spec["Default"])} if "Default" in spec else {}),
                "ParameterConstraints": {
                    "AllowedValues": [str(each) for each in spec.get("AllowedValues", [])]
                },
            }
            for name, spec in declared.items()
        ],
        "Capabilities": needed,
        **({"CapabilitiesReason": "The template has IAM resources."} if needed else {}),
        "ResourceTypes": sorted(types),
        "ResourceIdentifierSummaries": [],
        "DeclaredTransforms": _transforms(source),
        "Metadata": json.dumps(source.get("Metadata") or {}, default=str),
        "Version": "2010-09-09",
        "Warnings": {"UnrecognizedResourceTypes": []},
    }


def _transforms(source: Json) -> list[str]:
    given = source.get("Transform", [])
    return given if isinstance(given, list) else [given]


def _parameters(state: StackState) -> list[Json]:
    declared: Mapping[str, Any] = {}
    if state.template:
        declared = read_template(state.template, "the template").get("Parameters") or {}
    return [
        {
            "ParameterKey": name,
            "ParameterValue": _HIDDEN if _is_hidden(declared.get(name, {})) else value,
        }
        for name, value in state.parameters.items()
    ]


def _is_hidden(spec: Mapping[str, Any]) -> bool:
    return str(spec.get("NoEcho", False)).lower() == "true"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
