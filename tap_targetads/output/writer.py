"""Writes Singer messages to stdout."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from singer_sdk.singerlib import StateMessage
from singer_sdk.singerlib.encoding.base import GenericSingerWriter
from singer_sdk.singerlib.encoding.simple import Message
from typing_extensions import override

from tap_targetads.errors import TargetGoneError
from tap_targetads.output.records import ENCODER


class BlockWriter(GenericSingerWriter[bytes, Message]):
    """Writes messages, and whole blocks of finished RECORD lines, to stdout.

    A signal during a write takes effect after it, so that no message is ever cut. A
    second one does at once: the target may have stopped reading.

    Where a signal comes while Python closes a forgotten file, its exception is dropped;
    so it takes effect after the next write as well.

    Attributes:
        ends_with_state: Whether the last message was a state.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ends_with_state = False
        self._writing = False
        self._pending_exit: int | None = None
        # Some supervisors hand over a pipe that rather fails than waits. (What stands
        # for stdout in a test may have no number, and Windows has no such pipes.)
        with suppress(AttributeError, OSError):
            os.set_blocking(sys.stdout.fileno(), True)

    @override
    def serialize_message(self, message: Message) -> bytes:
        return ENCODER.encode(message.to_dict()) + b"\n"

    @override
    def write_message(self, message: Message) -> None:
        self.write_block(self.format_message(message))
        self.ends_with_state = isinstance(message, StateMessage)

    def write_block(self, block: bytes) -> None:
        """Write one or more finished lines, and flush.

        Raises:
            TargetGoneError: If nobody reads any more.
        """
        if sys.stdout is None:
            message = "The messages cannot be written: stdout is closed."
            raise TargetGoneError(message)
        self.ends_with_state = False
        self._writing = True
        try:
            rest = memoryview(block)
            while rest:  # without a buffer, a write may stop short
                rest = rest[sys.stdout.buffer.write(rest) :]
            sys.stdout.buffer.flush()
        except BrokenPipeError as error:
            # Python flushes stdout again at exit, and would report the error twice.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            message = (
                "The target has closed the pipe; its own output says why. The next run "
                "resumes from the last state that the target committed."
            )
            raise TargetGoneError(message) from error
        except OSError as error:
            message = f"The messages cannot be written ({error.strerror})."
            raise TargetGoneError(message) from error
        finally:
            self._writing = False
        if self._pending_exit is not None:
            raise SystemExit(self._pending_exit)

    def exit(self, code: int) -> None:
        """Raise SystemExit, after the current write if there is one.

        The second time, the process ends at once.
        """
        if self._writing and self._pending_exit is not None:
            os._exit(code)
        self._pending_exit = code
        if not self._writing:
            raise SystemExit(code)
