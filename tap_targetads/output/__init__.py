"""Output: records, Singer messages, batch files."""
