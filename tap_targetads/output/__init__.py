"""Records, Singer messages, batch files."""
