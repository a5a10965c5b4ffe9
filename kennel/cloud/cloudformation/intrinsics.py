"""CloudFormation's intrinsic functions, for a template whose parameters are known."""

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

from kennel.errors import KennelError

_VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")
_NO_VALUE = object()

Reference = Callable[[str], Any]
Attribute = Callable[[str, str], Any]
ImportValue = Callable[[str], str]
_ZONES = ["us-east-1a", "us-east-1b", "us-east-1c"]


class Resolver:
    """Turn a template fragment into plain values.

    Parameters
    ----------
    reference
        Returns the value of `Ref` for a logical id.
    attribute
        Returns the value of `Fn::GetAtt` for a logical id and an attribute.
    values
        Parameters and pseudo parameters (`AWS::Region` and so on).
    conditions, mappings
        The template's sections of these names.
    import_value
        Returns what another stack exports; None where there is no other.
    """

    def __init__(
        self,
        reference: Reference,
        attribute: Attribute,
        values: Mapping[str, Any],
        conditions: Mapping[str, Any],
        mappings: Mapping[str, Any],
        *,
        import_value: ImportValue | None = None,
    ) -> None:
        self._reference = reference
        self._attribute = attribute
        self._values = dict(values)
        self._conditions = conditions
        self._mappings = mappings
        self._import_value = import_value

    def resolve(self, fragment: Any) -> Any:
        """Return `fragment` with every intrinsic function replaced by its value."""
        value = self._resolve(fragment)
        return None if value is _NO_VALUE else value

    def holds(self, condition: str) -> bool:
        """Return whether the template's condition of this name is true."""
        if condition not in self._conditions:
            raise KennelError(f"the template names the condition {condition} and defines none")
        return self.is_true(self._conditions[condition])

    def _resolve(self, fragment: Any) -> Any:
        if isinstance(fragment, list):
            items = [self._resolve(item) for item in fragment]
            return [item for item in items if item is not _NO_VALUE]
        if not isinstance(fragment, dict):
            return fragment
        if len(fragment) == 1:
            ((key, argument),) = fragment.items()
            if key == "Ref":
                return self._ref(argument)
            if isinstance(key, str) and key.startswith("Fn::"):
                return self._call(key, argument)
        pairs = {key: self._resolve(value) for key, value in fragment.items()}
        return {key: value for key, value in pairs.items() if value is not _NO_VALUE}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        return self._values[name] if name in self._values else self._reference(name)

    def _call(self, function: str, argument: Any) -> Any:
        match function:
            case "Fn::GetAtt":
                parts = argument.split(".", 1) if isinstance(argument, str) else argument
                return self._attribute(parts[0], self._resolve(parts[1]))
            case "Fn::Sub":
                return self._substitute(argument)
            case "Fn::Join":
                return argument[0].join(str(item) for item in self._resolve(argument[1]))
            case "Fn::If":
                return self._resolve(argument[1 if self.holds(argument[0]) else 2])
            case "Fn::Select":
                return self._resolve(argument[1])[int(self._resolve(argument[0]))]
            case "Fn::Split":
                return str(self._resolve(argument[1])).split(argument[0])
            case "Fn::Base64":
                return base64.b64encode(str(self._resolve(argument)).encode()).decode()
            case "Fn::FindInMap":
                return self._in_map([self._resolve(item) for item in argument[:3]])
            case "Fn::GetAZs":
                return list(_ZONES)
            case "Fn::ImportValue" if self._import_value:
                return self._import_value(str(self._resolve(argument)))
        raise KennelError(
            f"the template uses {function}, which is not emulated: "
            "add it to kennel/cloud/cloudformation/intrinsics.py"
        )

    def _in_map(self, keys: list[str]) -> Any:
        value: Any = self._mappings
        for key in keys:
            if key not in value:
                raise KennelError(f"the template's mappings have no {'.'.join(keys)}")
            value = value[key]
        return value

    def _substitute(self, argument: Any) -> str:
        text, local = (argument, {}) if isinstance(argument, str) else argument

        def value(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in local:
                return str(self._resolve(local[name]))
            if "." in name:
                return str(self._attribute(*name.split(".", 1)))
            return str(self._ref(name))

        return _VARIABLE.sub(value, text)

    def is_true(self, expression: Any) -> bool:
        """Return whether a condition, or an assertion of a rule, is true."""
        if isinstance(expression, str):
            return self.holds(expression)
        ((function, argument),) = expression.items()
        match function:
            case "Condition":
                return self.holds(argument)
            case "Fn::Equals":
                left, right = (self._resolve(item) for item in argument)
                return str(left) == str(right)
            case "Fn::Not":
                return not self.is_true(argument[0])
            case "Fn::And":
                return all(self.is_true(item) for item in argument)
            case "Fn::Or":
                return any(self.is_true(item) for item in argument)
            case "Fn::Contains":
                values, value = self._texts(argument[0]), self._texts([argument[1]])
                return value[0] in values
            case "Fn::EachMemberEquals":
                values, value = self._texts(argument[0]), self._texts([argument[1]])
                return all(each == value[0] for each in values)
            case "Fn::EachMemberIn":
                return set(self._texts(argument[0])) <= set(self._texts(argument[1]))
        raise KennelError(f"the template's conditions use {function}, which is no condition")

    def _texts(self, values: Any) -> list[str]:
        return [str(each) for each in self._resolve(values)]
