"""What users rely on, seen through the command line, on the sandbox."""
