"""Tries targets with what the tap writes, and compares with the sandbox's truth."""
