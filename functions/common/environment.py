"""Typed access to environment variables; each function reads its own once, at import.

settings = GuardSettings.from_environment(Environment(os.environ))
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

__all__ = ["BadEnvironment", "Environment"]

_T = TypeVar("_T")


class BadEnvironment(RuntimeError):  # noqa: N818  # it reads as a sentence: raise BadEnvironment
    """The function cannot start; the message names the variable."""


class Environment:
    """Environment variables; template.yaml sets every one that a function reads.

    Parameters
    ----------
    variables
        `os.environ`, or a mapping that a test supplies.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def text(self, key: str) -> str:
        """Read a variable that must be set; it may be empty.

        Raises
        ------
        BadEnvironment
            It is not set.
        """
        try:
            return self._variables[key]
        except KeyError:
            raise BadEnvironment(
                f"The environment variable {key} is not set: template.yaml sets it on AWS; "
                "for a local run set it in the shell or with --env-vars."
            ) from None

    def integer(self, key: str) -> int:
        """Read an integer.

        Raises
        ------
        BadEnvironment
            It is not set, or is not an integer.
        """
        return self._parsed(key, int, "an integer")

    def number(self, key: str) -> float:
        """Read a number.

        Raises
        ------
        BadEnvironment
            It is not set, or is not a number.
        """
        return self._parsed(key, float, "a number")

    def one_of(self, key: str, *allowed: str) -> str:
        """Read one of a few allowed values.

        Raises
        ------
        BadEnvironment
            It is not set, or has another value.
        """
        value = self.text(key)
        if value not in allowed:
            raise BadEnvironment(
                f"The environment variable {key} is {value!r}, expected {' or '.join(allowed)}."
            )
        return value

    def _parsed(self, key: str, parse: Callable[[str], _T], expected: str) -> _T:
        value = self.text(key)
        try:
            return parse(value)
        except ValueError:
            raise BadEnvironment(
                f"The environment variable {key} is {value!r}, expected {expected}."
            ) from None
