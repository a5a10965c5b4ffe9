"""Serving: the inference engines, the worker processes and batching."""
