"""A connect storm: thousands of clients come at once, and one that was there before wants its events.

    python dev.py bench storm [--clients 3000] [--workers N] [--source DIR]

All clients connect before any goes on with its handshake, as after a restart of the server; each then does a full handshake and one GET.
Meanwhile a probe writes an object 50 times a second and measures when its own watch has it. Prints one JSON line a figure.
"""

from __future__ import annotations

import multiprocessing
import select
import socket
import ssl
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from probe import Probe, for_seconds, say, summary
from raw_clients import tls_context
from serving import options_of, read, serving

REQUEST = b"GET /api/v1/namespaces/default HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer storm\r\n\r\n"


class Caller:
    """One client of the storm: handshake, one request, its answer."""

    def __init__(self, port: int) -> None:
        self.raw = socket.socket()
        self.raw.setblocking(False)
        self.raw.connect_ex(("127.0.0.1", port))
        self._tls: ssl.SSLSocket | None = None
        self._asked = False

    def go_on(self) -> bool:
        """Do what can be done now; True when the answer is there. Raises OSError when the server gave it up."""
        try:
            if self._tls is None:
                self.raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._tls = tls_context().wrap_socket(
                    self.raw, server_hostname="localhost", do_handshake_on_connect=False
                )
            if not self._asked:
                self._tls.do_handshake()
                self._tls.sendall(REQUEST)
                self._asked = True
            answer = self._tls.recv(1 << 16)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        if not answer.startswith(b"HTTP/1.1 200"):
            raise OSError(f"not served: {answer[:60]!r}")
        return True


def rush(port: int, clients: int, pipe: Connection) -> None:
    """A process of clients that all come at once; reports how it went."""
    began = time.monotonic()
    epoll, callers, failed = select.epoll(), dict[int, Caller](), 0
    for _ in range(clients):
        caller = Caller(port)
        callers[caller.raw.fileno()] = caller
        epoll.register(caller.raw.fileno(), select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
    waiting, times = dict(callers), list[float]()
    while waiting and time.monotonic() < began + 120:
        for number, _ in epoll.poll(1.0):
            try:
                done = number in waiting and waiting[number].go_on()
            except OSError:
                done, failed = True, failed + 1
                del waiting[number]
                continue
            if done:
                del waiting[number]
                times.append(time.monotonic() - began)
    pipe.send({"served": len(times), "failed": failed, "left": len(waiting), "seconds": round(max(times), 2)})
    pipe.recv()


def main() -> None:
    """Measure and print."""
    parser = options_of(__doc__)
    parser.add_argument("--clients", type=int, default=3000)
    options, flags = read(parser)
    with serving(["storm", "probe"], *flags, source=options.source) as server:
        probe = Probe(server.port)
        say(phase="before", **summary(probe.write(for_seconds(3))))
        ours, theirs = multiprocessing.Pipe()
        clients = multiprocessing.Process(
            target=rush, args=(server.port, options.clients, theirs), daemon=True
        )
        cpu = server.cpu()
        clients.start()
        late = probe.write(ours.poll)
        figures = ours.recv()
        say(phase="storm", **summary(late), **figures, server_cpu_seconds=round(server.cpu() - cpu, 2))
        ours.send("leave")


if __name__ == "__main__":
    main()
