"""The watermark of a stream and project: read completely up to this instant."""

from __future__ import annotations

from datetime import MAXYEAR, MINYEAR, datetime, timezone
from typing import Any

from tap_targetads.errors import StateError

_KEY = "replication_key"
_VALUE = "replication_key_value"


class Bookmark:
    """The state entry of one stream and project.

    The SDK's own bookmark is the greatest value that a record had: it does not move
    over days without rows, and goes back when a lookback finds nothing new. This one
    is the end of the last window whose rows have all been written.

    Args:
        entry: The writable state of the partition; updated in place.
        replication_key: Name of the replication key.
        subject: Stream and project, for error lines.
    """

    def __init__(
        self, entry: dict[str, Any], replication_key: str, subject: str
    ) -> None:
        """Wrap the entry."""
        self._entry = entry
        self._replication_key = replication_key
        self._subject = subject

    @property
    def value(self) -> datetime | None:
        """The instant, with its zone; None before the first window.

        Raises:
            StateError: If the state holds something that is no instant.
        """
        text = self._entry.get(_VALUE)
        if text is None:
            return None
        try:
            # Python 3.10 does not know the suffix Z.
            value = datetime.fromisoformat(text.replace("Z", "+00:00"))
            if not MINYEAR < value.year < MAXYEAR:  # no room for zones and days
                raise ValueError(text)  # noqa: TRY301
        except (AttributeError, ValueError):
            message = (
                f"{self._subject}: the state's bookmark {text!r} is not a time like "
                "2024-01-31T20:59:59+00:00. Correct it, or remove the stream's entry "
                "from the state to read everything again."
            )
            raise StateError(message) from None
        return value if value.tzinfo else value.replace(tzinfo=timezone.utc)

    def advance(self, instant: datetime) -> None:
        """Move to an instant in UTC, unless that would be backwards."""
        current = self.value
        if current is None or instant > current:
            self._entry[_KEY] = self._replication_key
            self._entry[_VALUE] = instant.isoformat()
