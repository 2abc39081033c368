"""Runs a request through the filters and its endpoint, and never lets an exception out.

An endpoint answers at once or returns an awaitable. What is answered at once passes through here without a task switch; what
waits is bounded by the exchange's deadline and gets 504 when it passes (`waiting` says who looks at the clock). The filters that were
entered, and only those, see the answer, once. A cancellation from outside (the client left, the server ends) still lets them give back what they took.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import NamedTuple

from watchcache.http.errors import StatusRow, answer_for, deadline_reply
from watchcache.http.exchange import Answering, Exchange, Pending, audit_id
from watchcache.http.filters import Filter
from watchcache.http.messages import Answer, Reply, Request, Stream, WatchReply
from watchcache.http.waiting import Waiting

logger = logging.getLogger(__name__)

Endpoint = Callable[[Exchange], Answering]

_AT_ONCE = (Reply, Stream, WatchReply)
_LEFT_EARLY = 499  # nginx's code for a client that closed; only metrics see it


class _Step(NamedTuple):
    """What a filter does on the way in; how many filters have been entered with it, and with those behind it that do nothing then."""

    enter: Callable[[Exchange], Answer | Pending | None]
    number: int
    passed: int


def _passed(filters: Sequence[Filter], number: int) -> int:
    while number < len(filters) and not hasattr(filters[number], "enter"):
        number += 1
    return number


class Pipeline:
    """Filters around an endpoint; calling it with a request is the `messages.Handler`."""

    def __init__(
        self,
        filters: Sequence[Filter],
        endpoint: Endpoint,
        *,
        failures: Sequence[StatusRow] = (),
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`failures` are more rows for the table of errors."""
        self._enters = [
            _Step(enter, number, _passed(filters, number))
            for number, step in enumerate(filters, 1)
            if (enter := getattr(step, "enter", None)) is not None
        ]
        self._outermost = _passed(filters, 0)
        # what remains to be left when the first n filters were entered, innermost first
        self._leaves = [
            tuple(
                leave for step in reversed(filters[:n]) if (leave := getattr(step, "leave", None)) is not None
            )
            for n in range(len(filters) + 1)
        ]
        self._endpoint = endpoint
        self._clock = clock
        self._failures = tuple(failures)

    def __call__(self, request: Request) -> Answering:
        """The answer to a request, or an awaitable of it."""
        exchange = Exchange(request, audit_id(request), self._clock())
        try:
            answer = self._enter(exchange)
        except Exception as error:  # panic recovery: one bad request must not take a connection with it
            answer = answer_for(error, request.headers, exchange.query, self._failures)
        if isinstance(answer, _AT_ONCE):
            return self._leave(exchange, answer)
        return Waiting(exchange.timeout, partial(self._wait, exchange, answer))

    def _enter(self, exchange: Exchange) -> Answering:
        exchange.entered = self._outermost
        for enter, number, passed in self._enters:
            answer = enter(exchange)
            if answer is not None:
                exchange.entered = number
                return self._go_on(exchange, answer) if isinstance(answer, Pending) else answer
            exchange.entered = passed
        return self._endpoint(exchange)

    async def _go_on(self, exchange: Exchange, pending: Pending) -> Answer:
        """Wait as the filter says that was entered last, then pass the others."""
        refusal = await pending.wait()
        if refusal is not None:
            return refusal
        waited = exchange.entered
        for enter, number, passed in self._enters:
            if number > waited:
                answer = enter(exchange)
                if answer is not None:
                    assert not isinstance(answer, Pending), "one filter may wait"
                    exchange.entered = number
                    return answer
            if number >= waited:
                exchange.entered = passed
        answering = self._endpoint(exchange)
        return answering if isinstance(answering, _AT_ONCE) else await answering

    async def _wait(self, exchange: Exchange, awaitable: Awaitable[Answer], waiting: Waiting) -> Answer:
        try:
            answer = await awaitable
        except Exception as error:  # panic recovery, as above
            answer = answer_for(error, exchange.request.headers, exchange.query, self._failures)
        except BaseException as error:
            if waiting.expired():
                waiting.late = self._leave(exchange, deadline_reply())
            else:
                self._leave(exchange, Reply(_LEFT_EARLY, [], b""))
            raise _cancellation(error) from None
        return self._leave(exchange, answer)

    def _leave(self, exchange: Exchange, answer: Answer) -> Answer:
        for leave in self._leaves[exchange.entered]:
            leave(exchange, answer)
        return answer


def _cancellation(error: BaseException) -> BaseException:
    """What cancelled a request, without what else failed in that moment: there is nobody left who could be told of it."""
    if isinstance(error, BaseExceptionGroup):
        failed, rest = error.split(Exception)
        if failed is not None and rest is not None:
            logger.error("a request handler failed when it was cancelled", exc_info=failed)
            return rest
    return error
