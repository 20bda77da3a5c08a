"""From planned windows to rows, by pages (v1) or by jobs (v2)."""
