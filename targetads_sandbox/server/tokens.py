"""The tokens of the sandbox's projects."""

from __future__ import annotations


def default_token(project_id: int) -> str:
    """The token of a project for which none was chosen."""
    return f"sandbox-token-{project_id}"
