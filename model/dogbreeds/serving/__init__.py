"""Serving: the inference engine, worker processes and batching."""
