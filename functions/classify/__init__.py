"""ClassifyFunction: refuse bad photos, and ask the endpoint about good ones."""
