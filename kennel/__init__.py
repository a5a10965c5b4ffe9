"""The operator's side of Kennel: the command line, the offline cloud and the planner."""
