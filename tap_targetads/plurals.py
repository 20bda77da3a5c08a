"""Nouns in log and error lines: their articles and plurals."""

from __future__ import annotations


def count_of(number: int, singular: str, plural: str = "") -> str:
    """A number with its noun: `1 row`, `2,000 rows`.

    Args:
        number: How many there are.
        singular: The noun for one.
        plural: The noun for others, if it does not just end in s.
    """
    noun = singular if number == 1 else plural or f"{singular}s"
    return f"{number:,} {noun}"


def a(noun: str) -> str:
    """A noun with its article: `a date`, `an integer`."""
    return f"an {noun}" if noun[0] in "aeio" else f"a {noun}"
