"""The offline cloud: a SAM template of Python functions, run on this machine.

See docs/offline-cloud.md. A folder holds each AWS service; nothing here knows which template runs.
"""
