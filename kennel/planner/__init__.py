"""The planner: what traffic the settings hold, and what it costs. See docs/planner.md."""
