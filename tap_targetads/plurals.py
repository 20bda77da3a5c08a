"""How many there are of something, in words."""

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
