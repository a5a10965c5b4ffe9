"""Serving: the inference engines and the worker processes."""
