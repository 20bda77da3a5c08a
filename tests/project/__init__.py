"""What is around the tap: documentation, packages, benchmarks, releases."""
