"""The API: requests over the wire, retries, rate limits, downloads."""
