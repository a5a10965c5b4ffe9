"""Datasets: folders of photos, labels, splits, and their audit."""
