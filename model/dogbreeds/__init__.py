"""Dog breeds from photos: data, training, evaluation, packages and serving."""
