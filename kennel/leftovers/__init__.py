"""`kennel destroy`, second half: find what a deleted stack and its executions left behind."""
