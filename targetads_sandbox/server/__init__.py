"""The server: routes, pages, jobs, files, and what goes wrong with them."""
