"""Anything from outside: rows, or a clean error."""
