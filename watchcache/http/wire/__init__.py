"""The serving host: HTTP/1.1 and HTTP/2, in clear or over TLS, on trio, with synchronous sends.

It exists because of the watch path: an event reaches a client by one encryption and one system call, from whatever task
produced it, with no task switch, no queue in between while the client keeps up, and a bounded one when it does not.
Every connection has one task (`connection.py`), which reads; `transport.py` writes; `h1.py` and behind its seam (`framing.py`)
`framing_own.py` know the protocols and do no I/O; `http1.py` and `http2.py` carry requests to the handler and answers back.

Promises: answers of one HTTP/1.1 connection keep the requests' order; nothing ambiguous is answered; a handler's exception
is a 500 and a log entry; no client can hold memory, a task or a descriptor beyond `Limits`; `Server.shut_down()` lets what
runs finish.
"""

from watchcache.http.wire.limits import Limits as Limits
from watchcache.http.wire.server import Server as Server
from watchcache.http.wire.server import ServerStats as ServerStats
from watchcache.http.wire.server import listen as listen
from watchcache.http.wire.server import serve as serve
from watchcache.http.wire.tls import reload_certificate as reload_certificate
from watchcache.http.wire.tls import server_context as server_context
