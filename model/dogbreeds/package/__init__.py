"""The model package model.tar.gz: written, quantised, checked."""
