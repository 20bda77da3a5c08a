"""Tests of single modules, in the packages of the tap."""
