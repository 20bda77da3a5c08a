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
    """Sends ahead the requests that are expected, and keeps their responses.

    It only saves time: the caller still asks for one response after the other. One
    that failed is dropped, and the request is sent again in its turn; but a 429 says
    when.

    Memory is bounded: nothing is sent ahead before the first response of a kind has
    come, then as many requests as fit into the budget.

    Args:
        send: Sends a request; from several threads at once.
        at_once: How many requests may be in flight, the one that is needed included.
        budget: Bytes of responses that may wait until they are needed.
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
        """Send what is needed next, as far as the limits allow, and forget the rest.

        Args:
            now: The request that is needed now.
            following: Those after it, in order; only as many are taken as may be sent.
        """
        kind = now.path, now.stream
        if kind != self._kind:
            self._kind = kind
            self._sizes.clear()
        requests = {
            request.key: request for request in islice(following, self._allowed)
        }
        wanted = {now.key, *requests}
        for key in self._ahead.keys() - wanted:
            self._forgotten.append(self._ahead.pop(key))
        # What nobody waits for still keeps a connection busy.
        self._forgotten = [f for f in self._forgotten if not f.done()]
        waiting = len(self._ahead.keys() | {now.key})
        room = self._at_once - waiting - len(self._forgotten)
        new = [r for key, r in requests.items() if key not in self._ahead]
        for request in new[: max(0, room)]:
            send = partial(self._send, request)
            self._ahead[request.key] = in_background(send, "prefetch")

    def forget(self) -> None:
        """Forget all that was sent ahead."""
        self._forgotten += self._ahead.values()
        self._ahead.clear()

    def get(self, request: Request) -> Response:
        """The response to a request: the one in flight, or a new one.

        Raises:
            OSError: If no whole answer arrives: what `requests` raises.
            StalledError: If it arrives too slowly.
        """
        future = self._ahead.pop(request.key, None) if self._ahead else None
        response = None if future is None or future.exception() else future.result()
        if response is None or not (
            response.is_success or response.status == HTTPStatus.TOO_MANY_REQUESTS
        ):
            response = self._send(request)
        if response.is_success:
            self._sizes.append(len(response.body))
        return response

    @property
    def _allowed(self) -> int:
        if not self._sizes:
            return 0
        largest = max(1, *self._sizes)
        return min(self._at_once - 1, self._budget // largest)
