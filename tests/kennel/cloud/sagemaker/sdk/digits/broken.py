"""Fail with a reason."""

raise ValueError("broken on purpose")
