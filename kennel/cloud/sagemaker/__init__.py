"""A stand-in for SageMaker: its protocol and its endpoints' states, with real serving processes."""
