"""Rows: from the bytes of pages and files to typed values and keys."""
