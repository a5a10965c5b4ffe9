"""What a request asks for beside its photo: `top=10` breeds, `explain=1` for a heat map.

Asked by the header X-Amzn-SageMaker-Custom-Attributes, which InvokeEndpoint's CustomAttributes
becomes, or by the query of `/invocations`. Both may hold other words, such as a trace's number.
"""

import re
from dataclasses import dataclass

ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
_SEPARATORS = re.compile(r"[&;,\s]+")
_NUMBER = re.compile(r"[1-9][0-9]{0,3}")
_SHOWN = 30  # characters of a received value that a sentence repeats


class BadParameter(ValueError):  # noqa: N818
    """A parameter's value is not one that is served; the message is one sentence for the client."""


@dataclass(frozen=True)
class Parameters:
    """The parameters of a request."""

    top: int | None = None  # breeds in the answer; None for the usual number
    explain: bool = False

    @classmethod
    def parse(cls, *texts: str) -> "Parameters":
        """Read texts such as "top=10,explain=1" or "trace=7&explain=1"; the last mention counts.

        Raises
        ------
        BadParameter
            `top` is no whole number from 1, or `explain` neither 1 nor 0.
        """
        words = [word.partition("=") for text in texts for word in _SEPARATORS.split(text)]
        values = {name: value for name, _, value in words}
        top, explain = values.get("top"), values.get("explain", "0")
        if top is not None and not _NUMBER.fullmatch(top):
            raise BadParameter(f"top is {top[:_SHOWN]!r}, expected a whole number from 1.")
        if explain not in {"0", "1"}:
            raise BadParameter(f"explain is {explain[:_SHOWN]!r}, expected 1 or 0.")
        return cls(int(top) if top else None, explain == "1")

    def text(self) -> str:
        """Return what `parse` reads these from; "" for a request that asks for nothing."""
        asked = [f"top={self.top}"] * (self.top is not None) + ["explain=1"] * self.explain
        return ",".join(asked)
