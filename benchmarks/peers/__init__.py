"""Other ways to read the same pages."""
