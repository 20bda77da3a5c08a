"""The server: routes, pages, jobs, files, and faults."""
