"""What follows from an engine's result: costs, bottlenecks, recommended settings."""
