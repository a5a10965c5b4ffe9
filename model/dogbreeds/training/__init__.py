"""Training of the head, hyperparameter search, settings and logs."""
