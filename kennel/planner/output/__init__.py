"""Output of plans: terminal tables, JSON, and HTML reports."""
