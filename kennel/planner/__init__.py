"""The planner: predicts what traffic the settings serve, and what it costs. See docs/planner.md."""
