"""Sends requests before their answers are needed."""

from __future__ import annotations

from collections import deque
from functools import partial
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING

from tap_targetads.api.background import in_background

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future

    from tap_targetads.api.transport import Request, Response

_REMEMBERED = 8


class Prefetch:
    """Keeps the answers of requests that are expected.

    It only ever saves time: what is asked for is what the caller asks for, in its
    order. An answer that is not there yet is waited for, and one that is not right is
    as good as none: the request is sent again in its turn.

    Memory is bounded by the size of answers: before the first one of a kind has come,
    nothing is sent ahead, and after that, as many requests as fit into the budget.

    Args:
        send: Sends a request; from several threads at once.
        at_once: How many requests may be under way, the one that is needed included.
        budget: Bytes of answers that may wait until they are needed.
    """

    def __init__(
        self, send: Callable[[Request], Response], at_once: int, budget: int
    ) -> None:
        self._send = send
        self._at_once = at_once
        self._budget = budget
        self._ahead: dict[tuple[str, str, int, bytes], Future[Response]] = {}
        self._forgotten: list[Future[Response]] = []
        self._kind: tuple[str, str | None] | None = None
        self._sizes: deque[int] = deque(maxlen=_REMEMBERED)

    def expect(self, now: Request, following: Iterable[Request]) -> None:
        """Send what is needed next, as far as that is allowed, and forget the rest.

        Args:
            now: The call that is needed now.
            following: The calls that follow it, in order; only as many are taken as
                may be sent.
        """
        kind = now.path, now.stream
        if kind != self._kind:
            self._kind = kind
            self._sizes.clear()
        calls = {call.key: call for call in islice(following, self._allowed)}
        wanted = {now.key, *calls}
        for key in self._ahead.keys() - wanted:
            self._forgotten.append(self._ahead.pop(key))
        # What nobody waits for any more still keeps a connection busy.
        self._forgotten = [f for f in self._forgotten if not f.done()]
        waiting = len(self._ahead.keys() | {now.key})
        room = self._at_once - waiting - len(self._forgotten)
        news = [call for key, call in calls.items() if key not in self._ahead]
        for call in news[: max(0, room)]:
            self._ahead[call.key] = in_background(partial(self._send, call), "prefetch")

    def forget(self) -> None:
        """Forget all that was sent ahead."""
        self._forgotten += self._ahead.values()
        self._ahead.clear()

    def get(self, call: Request) -> Response:
        """The answer to a call: the one that is on its way, or a new one.

        Raises:
            requests.RequestException: If no whole answer arrives.
        """
        future = self._ahead.pop(call.key, None) if self._ahead else None
        received = None if future is None or future.exception() else future.result()
        if received is None or received.status != HTTPStatus.OK:
            received = self._send(call)
        self._sizes.append(len(received.body))
        return received

    @property
    def _allowed(self) -> int:
        if not self._sizes:
            return 0
        largest = max(1, *self._sizes)
        return min(self._at_once - 1, self._budget // largest)
