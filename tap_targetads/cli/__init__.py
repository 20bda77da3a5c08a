"""The command line: its files, the connection test, the display."""
