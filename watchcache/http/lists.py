"""What a large list costs while it is sent, and to whom.

A list is read in a moment and sent for seconds; meanwhile it keeps the state alive that it read, and takes a millisecond of everybody's
time for every piece. So a list above `LARGE` bytes

- takes a seat more for each 4 MiB, up to ten, and keeps them until it has been sent (kube-apiserver's width of a list);
- is charged for its bytes against a budget of all connections (`--watchcache-max-list-bytes`);
- takes turns with the others (`turns`), for gathering its objects and for each piece.

Who exceeds either waits for a moment and gets 429 with Retry-After, before anything is made. One list is always sent,
however large.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import trio

from watchcache.api import status
from watchcache.http.exchange import Exchange
from watchcache.http.messages import Answer, Reply, Stream
from watchcache.http.pool import Pool
from watchcache.http.respond import Pieces
from watchcache.http.turns import Turns

LARGE = 1024 * 1024  # bytes of objects; the 430 pods of a small cluster are below
SEAT = 4 * 1024 * 1024
MOST_SEATS = 10
PIECE = 256 * 1024  # of an answer that was made whole
TOO_MANY = "too many large lists are being sent, please try again later"


class Lists:
    """The gate that large lists pass. `seats` are those of reading requests, `limit` is in bytes, 0 for none."""

    def __init__(self, seats: Pool, limit: int) -> None:
        self.bytes = Pool(limit)
        self.turns = Turns()
        self.rejected = 0
        self._seats = seats

    async def admit(self, exchange: Exchange, size: int) -> Sending:
        """Take what a list of this size costs. Raises StatusError 429."""
        user, began = exchange.user.name, trio.current_time()
        seats = min(MOST_SEATS, 1 + size // SEAT) - exchange.seats
        if not await self.bytes.take(user, size):
            raise self._refusal()
        try:
            seated = seats <= 0 or await self._seats.take(user, seats)
        except trio.Cancelled:
            self.bytes.give(user, size)
            raise
        if not seated:
            self.bytes.give(user, size)
            raise self._refusal()
        exchange.waited += trio.current_time() - began
        held, exchange.seats = exchange.seats + max(0, seats), 0
        return Sending(self, user, size, held)

    def _refusal(self) -> status.StatusError:
        self.rejected += 1
        return status.too_many_requests(TOO_MANY)

    def release(self, user: str, size: int, seats: int) -> None:
        """Give back what `admit` took."""
        self.bytes.give(user, size)
        if seats:
            self._seats.give(user, seats)


class Sending:
    """A large list that has been admitted; it is over when its stream is, whichever way that ends."""

    def __init__(self, lists: Lists, user: str, size: int, seats: int) -> None:
        self._lists = lists
        self._user = user
        self._release: Callable[[], None] | None = lambda: lists.release(user, size, seats)

    async def pause(self) -> None:
        """Wait for the next turn."""
        await self._lists.turns.wait(self._user)

    def finish(self) -> None:
        """Give everything back; twice is once."""
        release, self._release = self._release, None
        if release is not None:
            release()

    def stream(self, answer: Answer) -> Answer:
        """The answer as one that tells of its end."""
        if isinstance(answer, Reply):
            answer = Stream(answer.status, answer.headers, Pieces(_cut(_whole(answer)), self.pause))
        if isinstance(answer, Stream):
            answer.blocks = Blocks(answer.blocks, self.finish)
        return answer


def _whole(reply: Reply) -> bytes:
    return reply.body if isinstance(reply.body, bytes) else b"".join(reply.body)


def _cut(body: bytes) -> Iterator[bytes]:
    return (body[start : start + PIECE] for start in range(0, len(body), PIECE))


class Blocks:
    """Blocks whose end is told: when they are used up, closed, or thrown away unread (a client that left before they were asked for)."""

    def __init__(self, blocks: AsyncIterator[bytes], ended: Callable[[], None]) -> None:
        self._blocks = blocks
        self._ended = ended

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._blocks)
        except BaseException:  # the end, a failure, a client that left
            self._ended()
            raise

    async def aclose(self) -> None:
        """No more is wanted."""
        self._ended()
        close = getattr(self._blocks, "aclose", None)
        if close is not None:
            await close()

    def __del__(self) -> None:
        self._ended()
