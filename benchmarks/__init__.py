"""Measurements of the tap beside its peers, on the same pages."""
