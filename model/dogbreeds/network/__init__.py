"""Networks: backbones, features, heads, export to the serving engine."""
