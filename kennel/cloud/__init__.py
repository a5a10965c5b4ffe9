"""The offline cloud: template.yaml, run on this machine. See docs/offline-cloud.md."""
