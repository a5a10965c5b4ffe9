"""CloudFormation's calls that read templates."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from kennel.cloud.cloudformation import descriptions
from kennel.cloud.cloudformation.change_set_calls import ChangeSetCalls
from kennel.cloud.cloudformation.requests import template_text
from kennel.cloud.cloudformation.stack_state import StackState
from kennel.cloud.cloudformation.stacks import StackRefused, StackRequest, Stacks
from kennel.cloud.cloudformation.template import Template

Json = dict[str, Any]


class TemplateCalls:
    """Answers the calls that read templates.

    Attributes
    ----------
    calls
        By operation.
    """

    def __init__(self, stacks: Stacks, change_sets: ChangeSetCalls) -> None:
        self._stacks = stacks
        self._change_sets = change_sets
        self._clients = stacks.resources.clients
        self.calls: Mapping[str, Callable[[Json], Json]] = {
            "GetTemplate": self._get_template,
            "GetTemplateSummary": self._summarise,
            "ValidateTemplate": self._validate,
        }

    def _get_template(self, p: Json) -> Json:
        stages = ["Original", "Processed"]
        if name := p.get("ChangeSetName"):
            template = self._change_sets.find({**p, "ChangeSetName": name}).template
            text = template.text if template else ""
        else:
            stack = self._stacks.get(p["StackName"])
            text = stack.template
        if p.get("TemplateStage") == "Processed" and not p.get("ChangeSetName"):
            given = dict(stack.parameters)
            template = self._stacks.prepare(stack, StackRequest(stack.name, text, given))
            text = json.dumps(template.transformed, default=str)
        return {"TemplateBody": text, "StagesAvailable": stages}

    def _summarise(self, p: Json) -> Json:
        if name := p.get("StackName"):
            stack = self._stacks.get(name)
            text = stack.template
        else:
            text = template_text(p, None, self._clients)
        return descriptions.template_summary(text, self._defaults(text))

    def _validate(self, p: Json) -> Json:
        text = template_text(p, None, self._clients)
        summary = descriptions.template_summary(text, self._defaults(text))
        members = ("ParameterKey", "DefaultValue", "NoEcho", "Description")
        summary["Parameters"] = [
            {name: each[name] for name in members if name in each} for each in summary["Parameters"]
        ]
        known = (
            *("Parameters", "Description", "Capabilities", "CapabilitiesReason"),
            "DeclaredTransforms",
        )
        return {name: summary[name] for name in known if name in summary}

    def _defaults(self, text: str) -> Template | None:
        """Return the template with its defaults; None where a parameter has none."""
        try:
            return self._stacks.prepare(StackState("summary", ""), StackRequest("summary", text))
        except StackRefused:
            return None
