"""When data arrived, as the kernel says it: what a load generator that is late itself must go by.

A client process that takes 5,000 events one after the other is with the last of them a third of a second after it arrived. That is its
own delay, not the server's. Linux notes the time of each segment (SO_TIMESTAMPNS); of several that are taken at
once it tells the newest's, so a latency that is computed with it is never too short by more than lay between them in one buffer.

The notes are of the wall clock. They are carried over to the monotonic one, which all processes of a run share, by the difference of
the two at the moment: a step of the wall clock spoils the events that are then in a buffer and no others.
"""

from __future__ import annotations

import socket
import struct
import sys
import time

import trio

_NOTED = 35  # SO_TIMESTAMPNS on Linux, and the type of its messages
_TIME = struct.Struct("@ll")
_SPACE = socket.CMSG_SPACE(_TIME.size) if sys.platform == "linux" else 0


def ask(sock: trio.socket.SocketType) -> None:
    """Have arrival times noted; where nobody on the machine had asked yet, the kernel begins to a moment later."""
    if _SPACE:
        sock.setsockopt(socket.SOL_SOCKET, _NOTED, 1)


def receive(sock: socket.socket, size: int) -> tuple[bytes, int]:
    """(what has come, when: `time.monotonic_ns`, or 0 if nobody noted it). Raises `OSError`, `BlockingIOError` when there is nothing."""
    if not _SPACE:
        return sock.recv(size), 0
    data, notes, _, _ = sock.recvmsg(size, _SPACE)
    if not notes or notes[0][1] != _NOTED:
        return data, 0
    seconds, nanoseconds = _TIME.unpack(notes[0][2])
    ago = time.time_ns() - (seconds * 1_000_000_000 + nanoseconds)
    return data, time.monotonic_ns() - max(ago, 0)
