"""Plans as text, JSON and HTML."""
