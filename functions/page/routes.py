"""The paths and methods of the API, OPTIONS last; POST /classify is ClassifyFunction's."""

__all__ = ["METHODS"]

_READ = ("GET", "HEAD", "OPTIONS")
METHODS = {"/": _READ, "/breeds": _READ, "/openapi.json": _READ, "/classify": ("POST", "OPTIONS")}
