"""Measures the tap and its peers on the same pages."""
