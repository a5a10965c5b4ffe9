"""Code that several functions share: a Lambda layer."""
