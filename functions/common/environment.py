"""How the pipeline's functions read their environment: once, at import, and typed.

settings = Settings.from_environment(Environment(os.environ))
"""

from collections.abc import Mapping

__all__ = ["BadEnvironment", "Environment"]


class BadEnvironment(RuntimeError):  # noqa: N818  # it reads as a sentence: raise BadEnvironment
    """The function cannot start; the message names the variable."""


class Environment:
    """Environment variables, of which template.yaml sets every one that a function asks for.

    Parameters
    ----------
    variables
        `os.environ`, or what a test makes up.
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
                f"The environment variable {key} is not set: template.yaml sets it on AWS, "
                "and for a local run the shell or --env-vars must."
            ) from None

    def whole(self, key: str) -> int:
        """Read a whole number.

        Raises
        ------
        BadEnvironment
            It is not set, or is no whole number.
        """
        value = self.text(key)
        try:
            return int(value)
        except ValueError:
            raise BadEnvironment(
                f"The environment variable {key} is {value!r}, where a whole number belongs."
            ) from None

    def number(self, key: str) -> float:
        """Read a number.

        Raises
        ------
        BadEnvironment
            It is not set, or is no number.
        """
        value = self.text(key)
        try:
            return float(value)
        except ValueError:
            raise BadEnvironment(
                f"The environment variable {key} is {value!r}, where a number belongs."
            ) from None

    def one_of(self, key: str, *allowed: str) -> str:
        """Read one of a few words.

        Raises
        ------
        BadEnvironment
            It is not set, or is another word.
        """
        value = self.text(key)
        if value not in allowed:
            raise BadEnvironment(
                f"The environment variable {key} is {value!r}, expected {' or '.join(allowed)}."
            )
        return value
