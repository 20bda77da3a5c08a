"""Reading: from planned windows to rows, by pages or by jobs."""
