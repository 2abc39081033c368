"""From a request to an answer: what kube-apiserver's HTTP surface promises.

`Api` is the door: it builds the one handler that every host calls (`messages.Handler`). A request passes an ordered list
of filters (`filters`), is resolved to a resource and a verb (`request_info`, `routing`), and answered by the verb
(`verbs/`). Hosts carry it: `wire/` is the serving host, `hypercorn_host` runs the same handler as an ASGI application.
"""

from watchcache.http.api import Api, Options
from watchcache.http.messages import Answer, Handler, Peer, Reply, Request, Running, Stream, WatchReply

__all__ = [
    "Answer",
    "Api",
    "Handler",
    "Options",
    "Peer",
    "Reply",
    "Request",
    "Running",
    "Stream",
    "WatchReply",
]
