"""List the features that a template uses and the offline cloud does not emulate."""

from collections.abc import Callable, Mapping

from kennel.cloud.cloudformation.providers import PROVIDERS
from kennel.cloud.cloudformation.template import Resource, Template
from kennel.errors import KennelError

#: Raises KennelError with one sentence for a resource that cannot be run.
Check = Callable[[Resource], None]


def lacking(template: Template, checks: Mapping[str, Check]) -> list[str]:
    """Return a clause for each thing in a template that cannot be run here."""
    unknown = template.unknown_types()
    problems = [f"it knows no {each}" for each in unknown]
    for logical_id, declared in template.declared.items():
        if declared["Type"] in unknown:
            continue
        try:
            resource = template.resource(logical_id)
        except KennelError as error:
            if not unknown:  # else it may refer to one of those, which have no names
                problems.append(str(error))
            continue
        provider = PROVIDERS.get(resource.type)
        problems += [
            f"{logical_id} has the property {name}, which does nothing here"
            for name in (provider.refused if provider else ())
            if name in resource.properties
        ]
        try:
            if check := checks.get(resource.type):
                check(resource)
        except KennelError as error:
            problems.append(str(error))
    return list(dict.fromkeys(problems))
