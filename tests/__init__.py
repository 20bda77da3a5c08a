"""Tests of the tap; each states a promise."""
