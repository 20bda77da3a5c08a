"""Fault drills: the tap and a real target, under everything that can go wrong."""
