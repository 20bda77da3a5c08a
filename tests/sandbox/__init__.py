"""Tests of the sandbox; they know it only as a client does, or as its world."""
