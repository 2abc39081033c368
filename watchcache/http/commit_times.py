"""Commit times for clients that ask for them: how late an event is can then be measured where it arrives.

A watch with the request header `Watchcache-Commit-Times: true` gets a member beside `type` and `object` in each event that comes from a
change: `"watchcache.dev/commit-time"`, unix seconds with microseconds, of the server's clock. Clients that do not know it pass over it: it is
no part of the object. The answer says `Watchcache-Commit-Times: true`. In protobuf there is no room for it; that is a warning.
"""

from __future__ import annotations

from watchcache.cacher import Representation, Timed
from watchcache.http.exchange import Exchange
from watchcache.http.negotiate import PROTOBUF, Medium

HEADER = "Watchcache-Commit-Times"
MEMBER = "watchcache.dev/commit-time"
CONFIRMED = (HEADER, "true")
NO_PROTOBUF = f"{HEADER} has no effect on a watch in protobuf"
_END = b"}\n"


def annotate(frame: bytes, time: float) -> bytes:
    """A JSON frame with its commit time."""
    return b'%b,"%b":%.6f}\n' % (frame.removesuffix(_END), MEMBER.encode(), time)


def timed(exchange: Exchange, representation: Representation, medium: Medium) -> Representation:
    """The representation, with commit times when the client asks for them and its medium can carry them."""
    if exchange.request.headers.get(HEADER.lower()) != "true":
        return representation
    if medium.type == PROTOBUF:
        exchange.warnings.append(NO_PROTOBUF)
        return representation
    return Timed(representation, annotate)
