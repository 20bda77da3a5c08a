"""What happens in the projects: impressions, clicks, purchases, paths, from a seed."""
