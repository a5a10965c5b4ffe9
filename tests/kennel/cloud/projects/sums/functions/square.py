"""Square a number."""

from typing import Any


def handler(number: int, context: Any) -> int:
    return number * number
