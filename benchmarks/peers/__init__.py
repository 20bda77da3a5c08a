"""What else one would read the same pages with."""
