"""Emulate SageMaker: endpoints and jobs as real processes, and the model registry."""
