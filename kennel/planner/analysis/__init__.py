"""Analysis of an engine's result: costs, bottlenecks, alternatives, recommended settings."""
