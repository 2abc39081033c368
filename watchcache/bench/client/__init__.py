"""Lean Kubernetes clients on trio: what a simulated node costs must be small beside what it asks of the server.

`Http2Client` behaves as client-go's transport does (one connection, a stream for each request and watch, the same windows
and the same rule for opening them again); `Http1Client` opens a connection for each watch and one for all requests. Both
hand answers to callbacks, so that ten thousand requests in flight need no task of their own.
"""

from __future__ import annotations

from watchcache.bench.client.http1 import Http1Client
from watchcache.bench.client.http2 import Http2Client
from watchcache.bench.client.requests import Client, Request
from watchcache.bench.client.transport import ConnectionLost, Dialer

__all__ = ["Client", "ConnectionLost", "Dialer", "Http1Client", "Http2Client", "Request"]
