"""`Framing` of our own: a server's half of RFC 9113, and nothing that this host does not use.

The `h2` library is right and general; at 50 us a WINDOW_UPDATE it is also what limits the number of Go clients. A server
that never pushes, prioritises or initiates needs a quarter of it. Rules:
- A frame header is judged before any of its payload is kept; a header block is bounded in bytes and in frames.
- The HPACK decoder sees every header block, also of streams that are refused or over, or its table would be wrong.
- A stream is in `_streams` until both sides have ended or either reset it. An id not above `_newest` and not there is
  over; whether frames on it are an error or stragglers is told by `_over`, which remembers the last thousand.
- A stream error sends RST_STREAM and tells the session; a connection error queues GOAWAY and raises `ConnectionOver`.

Judged by h2spec and by the tests that the library's framing passes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from watchcache.http.wire import hpack_plain
from watchcache.http.wire.frames import (
    ACK,
    CONTINUATION,
    DATA,
    ENABLE_PUSH,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEAD,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    LONG,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE,
    PADDED,
    PING,
    PRIORITIZED,
    RST_STREAM,
    SETTING,
    SETTINGS,
    TOP,
    WINDOW_UPDATE,
    frame,
)
from watchcache.http.wire.framing import ConnectionOver, ErrorCode, HeaderList, Upcalls
from watchcache.http.wire.header_rules import Malformed, check_request, check_trailers, fields_of
from watchcache.http.wire.hpack_blocks import BlockDecoder, HPACKError, OversizedHeaderListError
from watchcache.http.wire.limits import Limits

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DEFAULT_WINDOW, _DEFAULT_FRAME = 65535, 16384
_BLOCK_FRAMES = (
    64  # CONTINUATIONs of one block; 1 MiB of headers in the smallest frames a client would choose
)
_REMEMBERED = 1000


class _Open:
    """A stream that is not over: its windows, and which sides are still open."""

    __slots__ = ("expected", "local", "owed", "received", "remote", "taken", "window")

    def __init__(self, window: int, receive: int, expected: int) -> None:
        self.window = window  # what we may send
        self.taken = receive  # what the peer may still send
        self.owed = 0  # acknowledged, and not yet given back by WINDOW_UPDATE
        self.expected = expected  # content-length, -1 for none
        self.received = 0
        self.remote = True
        self.local = True


class OwnFraming:
    """See `framing.Framing`."""

    def __init__(self, limits: Limits, upcalls: Upcalls) -> None:
        self._limits = limits
        self._up = upcalls
        self._out: list[bytes | memoryview] = []
        self._buffer = bytearray()
        self._need = len(_PREFACE)  # bytes without which nothing can be done
        self._begun = False  # the preface has been read
        self._settled = False  # the peer's SETTINGS have been read
        self._streams: dict[int, _Open] = {}
        self._over: dict[int, bool] = {}  # the last streams that ended: whether we reset them
        self._newest = 0
        self._block: list[bytes] = []  # the header block being received
        self._block_stream = 0
        self._block_flags = 0
        self._window = _DEFAULT_WINDOW
        self._taken = limits.connection_window
        self._owed = 0
        self._peer_window = _DEFAULT_WINDOW
        self._peer_frame = _DEFAULT_FRAME
        self._decoder = BlockDecoder(limits.head_bytes)

    # -- receiving

    def receive(self, data: bytes) -> None:
        """Read bytes, making upcalls. Raises `ConnectionOver`."""
        buffer = self._buffer
        buffer += data
        if not self._begun and not self._read_preface():
            return
        at, size = 0, len(buffer)
        while size - at >= self._need:
            if size - at < 9:
                self._need = 9
                break
            high, low, kind, flags, stream = HEAD.unpack_from(buffer, at)
            length = high << 8 | low
            if length > self._limits.frame_bytes:
                self._fail(ErrorCode.FRAME_SIZE_ERROR, "frame too long")
            if size - at < 9 + length:
                self._need = 9 + length
                break
            payload = bytes(buffer[at + 9 : at + 9 + length])
            at += 9 + length
            self._need = 9
            self._dispatch(kind, flags, stream & TOP, payload)
        del buffer[:at]

    def _read_preface(self) -> bool:
        buffer = self._buffer
        if not _PREFACE.startswith(buffer[: len(_PREFACE)]):
            self._fail(ErrorCode.PROTOCOL_ERROR, "no preface")
        if len(buffer) < len(_PREFACE):
            return False
        del buffer[: len(_PREFACE)]
        self._begun = True
        self._need = 9
        return True

    def _dispatch(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if self._block and (kind != CONTINUATION or stream != self._block_stream):
            self._fail(ErrorCode.PROTOCOL_ERROR, "frame inside a header block")
        if not self._settled and kind != SETTINGS:
            self._fail(ErrorCode.PROTOCOL_ERROR, "SETTINGS must come first")
        if kind > CONTINUATION:
            self._up.on_frame("trifle")
        else:
            self._ACTIONS[kind](self, flags, stream, payload)

    def _unpad(self, flags: int, payload: bytes) -> bytes:
        if not flags & PADDED:
            return payload
        if not payload or payload[0] >= len(payload):
            self._fail(ErrorCode.PROTOCOL_ERROR, "padding longer than the frame")
        return payload[1 : len(payload) - payload[0]]

    def _on_data(self, flags: int, stream: int, payload: bytes) -> None:
        size = len(payload)
        data = self._unpad(flags, payload)
        if stream == 0 or stream > self._newest:
            self._fail(ErrorCode.PROTOCOL_ERROR, "DATA on an idle stream")
        self._taken -= size
        if self._taken < 0:
            self._fail(ErrorCode.FLOW_CONTROL_ERROR, "connection window exceeded")
        one = self._streams.get(stream)
        if one is None or not one.remote:
            self._give_back(size)
            self._on_straggler(stream)
            return
        one.taken -= size
        one.received += len(data)
        if one.taken < 0:
            self._stream_error(stream, ErrorCode.FLOW_CONTROL_ERROR)
        elif 0 <= one.expected < one.received:
            self._stream_error(stream, ErrorCode.PROTOCOL_ERROR)
        else:
            if not data and not flags & END_STREAM:
                self._up.on_frame("trifle")
            self._up.on_data(stream, data, size)
            if flags & END_STREAM:
                self._end_remote(stream)

    def _on_straggler(self, stream: int) -> None:
        """A frame on a stream that is over for its sender: an error, unless it crossed our reset."""
        if self._over.get(stream):
            self._up.on_frame("trifle")
        else:
            self._stream_error(stream, ErrorCode.STREAM_CLOSED)

    def _end_remote(self, stream: int) -> None:
        one = self._streams.get(stream)
        if one is None:  # ended by the upcall
            return
        if one.expected not in (-1, one.received):
            self._stream_error(stream, ErrorCode.PROTOCOL_ERROR)
            return
        one.remote = False
        if not one.local:
            self._forget(stream, by_us=False)
        self._up.on_end(stream)

    def _on_headers(self, flags: int, stream: int, payload: bytes) -> None:
        if stream % 2 == 0:
            self._fail(ErrorCode.PROTOCOL_ERROR, "HEADERS on a stream of the server's")
        block = self._unpad(flags, payload)
        if flags & PRIORITIZED:
            if len(block) < 5:
                self._fail(ErrorCode.FRAME_SIZE_ERROR, "HEADERS too short")
            if LONG.unpack_from(block)[0] & TOP == stream:
                self._fail(ErrorCode.PROTOCOL_ERROR, "a stream that depends on itself")
            block = block[5:]
        self._block_stream, self._block_flags = stream, flags
        if flags & END_HEADERS:
            self._end_block(block)
        else:
            self._block = [block]

    def _on_continuation(self, flags: int, _stream: int, payload: bytes) -> None:
        if not self._block:
            self._fail(ErrorCode.PROTOCOL_ERROR, "CONTINUATION without HEADERS")
        self._block.append(payload)
        if len(self._block) > _BLOCK_FRAMES or sum(map(len, self._block)) > self._limits.head_bytes:
            self._fail(ErrorCode.ENHANCE_YOUR_CALM, "header block too large")
        if flags & END_HEADERS:
            block, self._block = b"".join(self._block), []
            self._end_block(block)

    def _end_block(self, block: bytes) -> None:
        try:
            fields = self._decoder.decode(block)
        except HPACKError as error:
            bomb = isinstance(error, OversizedHeaderListError)
            self._fail(ErrorCode.ENHANCE_YOUR_CALM if bomb else ErrorCode.COMPRESSION_ERROR, str(error))
        stream = self._block_stream
        if stream in self._streams:
            self._trailers(stream, fields)
        elif stream > self._newest:
            self._request(stream, fields)
        elif stream not in self._over:
            self._fail(ErrorCode.PROTOCOL_ERROR, "streams must be opened in order")
        elif self._over[stream]:
            self._up.on_frame("trifle")  # trailers that crossed our reset
        else:
            self._fail(ErrorCode.STREAM_CLOSED, "HEADERS on a stream that has ended")

    def _request(self, stream: int, block: Iterable[tuple[bytes, bytes]]) -> None:
        self._newest = stream
        if len(self._streams) >= self._limits.streams:
            self._out.append(frame(RST_STREAM, 0, stream, LONG.pack(ErrorCode.REFUSED_STREAM)))
            self._remember(stream, by_us=True)
            self._up.on_frame("refused")
            return
        ended = bool(self._block_flags & END_STREAM)
        try:
            fields = fields_of(block)
            expected = check_request(fields, ended)
        except Malformed:
            self._stream_error(stream, ErrorCode.PROTOCOL_ERROR)
            return
        self._streams[stream] = _Open(self._peer_window, self._limits.stream_window, expected)
        self._up.on_request(stream, fields, ended)
        if ended:
            self._end_remote(stream)

    def _trailers(self, stream: int, block: Iterable[tuple[bytes, bytes]]) -> None:
        if not self._streams[stream].remote:
            self._stream_error(stream, ErrorCode.STREAM_CLOSED)
            return
        try:
            check_trailers(fields_of(block), bool(self._block_flags & END_STREAM))
        except Malformed:
            self._stream_error(stream, ErrorCode.PROTOCOL_ERROR)
            return
        self._end_remote(stream)

    def _on_priority(self, _flags: int, stream: int, payload: bytes) -> None:
        if stream == 0:
            self._fail(ErrorCode.PROTOCOL_ERROR, "PRIORITY of the connection")
        if len(payload) != 5:
            self._fail(ErrorCode.FRAME_SIZE_ERROR, "PRIORITY of a wrong size")
        if LONG.unpack_from(payload)[0] & TOP == stream:
            self._fail(ErrorCode.PROTOCOL_ERROR, "a stream that depends on itself")
        self._up.on_frame("trifle")

    def _on_reset(self, _flags: int, stream: int, payload: bytes) -> None:
        if stream == 0 or stream > self._newest:
            self._fail(ErrorCode.PROTOCOL_ERROR, "RST_STREAM of an idle stream")
        if len(payload) != 4:
            self._fail(ErrorCode.FRAME_SIZE_ERROR, "RST_STREAM of a wrong size")
        if stream in self._streams:
            self._forget(stream, by_us=False)
        self._up.on_reset(stream)

    def _on_settings(self, flags: int, stream: int, payload: bytes) -> None:
        self._settled = True
        if stream:
            self._fail(ErrorCode.PROTOCOL_ERROR, "SETTINGS of a stream")
        if len(payload) % 6 or (flags & ACK and payload):
            self._fail(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS of a wrong size")
        self._up.on_frame("settings")
        if flags & ACK:
            return
        for key, value in SETTING.iter_unpack(payload):
            self._set(key, value)
        self._out.append(frame(SETTINGS, ACK, 0))
        self._up.on_window(0)

    def _set(self, key: int, value: int) -> None:
        if key == INITIAL_WINDOW_SIZE:
            if value > TOP:
                self._fail(ErrorCode.FLOW_CONTROL_ERROR, "initial window too large")
            change, self._peer_window = value - self._peer_window, value
            for one in self._streams.values():
                one.window += change
                if one.window > TOP:
                    self._fail(ErrorCode.FLOW_CONTROL_ERROR, "a window grew too large")
        elif key == MAX_FRAME_SIZE:
            if not _DEFAULT_FRAME <= value < 1 << 24:
                self._fail(ErrorCode.PROTOCOL_ERROR, "frame size out of bounds")
            self._peer_frame = value
        elif key == ENABLE_PUSH and value > 1:
            self._fail(ErrorCode.PROTOCOL_ERROR, "ENABLE_PUSH is 0 or 1")

    def _on_push(self, _flags: int, _stream: int, _payload: bytes) -> None:
        self._fail(ErrorCode.PROTOCOL_ERROR, "PUSH_PROMISE from a client")

    def _on_ping(self, flags: int, stream: int, payload: bytes) -> None:
        if stream:
            self._fail(ErrorCode.PROTOCOL_ERROR, "PING of a stream")
        if len(payload) != 8:
            self._fail(ErrorCode.FRAME_SIZE_ERROR, "PING of a wrong size")
        self._up.on_frame("ping")
        if not flags & ACK:
            self._out.append(frame(PING, ACK, 0, payload))

    def _on_goaway(self, _flags: int, stream: int, payload: bytes) -> None:
        if stream:
            self._fail(ErrorCode.PROTOCOL_ERROR, "GOAWAY of a stream")
        if len(payload) < 8:
            self._fail(ErrorCode.FRAME_SIZE_ERROR, "GOAWAY of a wrong size")
        self._up.on_goaway()

    def _on_window(self, _flags: int, stream: int, payload: bytes) -> None:
        if len(payload) != 4:
            self._fail(ErrorCode.FRAME_SIZE_ERROR, "WINDOW_UPDATE of a wrong size")
        if stream > self._newest:
            self._fail(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of an idle stream")
        more = LONG.unpack(payload)[0] & TOP
        if stream == 0:
            self._window += more
            if not more or self._window > TOP:
                self._fail(
                    ErrorCode.FLOW_CONTROL_ERROR if more else ErrorCode.PROTOCOL_ERROR, "bad WINDOW_UPDATE"
                )
            self._up.on_window(0)
        elif one := self._streams.get(
            stream
        ):  # else it crossed our END_STREAM: Go sends one per answer over 4 KiB
            one.window += more
            if not more or one.window > TOP:
                self._stream_error(stream, ErrorCode.FLOW_CONTROL_ERROR if more else ErrorCode.PROTOCOL_ERROR)
            else:
                self._up.on_window(stream)

    # -- the end of streams and connection

    def _fail(self, code: ErrorCode, text: str) -> NoReturn:
        self.goaway(code)
        raise ConnectionOver(text)

    def _stream_error(self, stream: int, code: ErrorCode) -> None:
        self._out.append(frame(RST_STREAM, 0, stream, LONG.pack(code)))
        self._forget(stream, by_us=True)
        self._up.on_reset(stream)

    def _forget(self, stream: int, *, by_us: bool) -> None:
        self._streams.pop(stream, None)
        self._remember(stream, by_us=by_us)

    def _remember(self, stream: int, *, by_us: bool) -> None:
        self._over[stream] = by_us
        if len(self._over) > _REMEMBERED:
            del self._over[next(iter(self._over))]

    # -- sending

    def start(self) -> None:
        """Queue the server's SETTINGS and the connection's window."""
        limits = self._limits
        settings = (
            (MAX_FRAME_SIZE, limits.frame_bytes),
            (MAX_CONCURRENT_STREAMS, limits.streams),
            (MAX_HEADER_LIST_SIZE, limits.head_bytes),
            (INITIAL_WINDOW_SIZE, limits.stream_window),
        )
        self._out.append(frame(SETTINGS, 0, 0, b"".join(SETTING.pack(*one) for one in settings)))
        self._out.append(frame(WINDOW_UPDATE, 0, 0, LONG.pack(limits.connection_window - _DEFAULT_WINDOW)))

    def take(self) -> bytes:
        """Bytes to send."""
        if not self._out:
            return b""
        data = b"".join(self._out)
        self._out = []
        return data

    def send_headers(self, stream: int, headers: HeaderList, end: bool) -> None:
        """Queue a header block."""
        one = self._streams.get(stream)
        if one is None or not one.local:
            return
        block = hpack_plain.encode(headers)
        flags, size = END_STREAM if end else 0, self._peer_frame
        if len(block) <= size:
            self._out.append(frame(HEADERS, flags | END_HEADERS, stream, block))
        else:
            self._out.append(frame(HEADERS, flags, stream, block[:size]))
            for start in range(size, len(block), size):
                last = END_HEADERS if start + size >= len(block) else 0
                self._out.append(frame(CONTINUATION, last, stream, block[start : start + size]))
        if end:
            self._end_local(stream, one)

    def send_data(self, stream: int, data: bytes | memoryview, end: bool) -> None:
        """Queue DATA of at most `room(stream)` bytes."""
        one = self._streams.get(stream)
        if one is not None and one.local:
            self._send(stream, one, data, end)

    def send_whole(self, stream: int, data: bytes | memoryview, end: bool) -> bool:
        """Queue DATA if one frame may carry all of it now; False when not. What each delivery of a watch goes through."""
        one, size = self._streams.get(stream), len(data)
        if one is None or size > one.window or size > self._window or size > self._peer_frame:
            return False
        if one.local:
            self._send(stream, one, data, end)
        return True

    def _send(self, stream: int, one: _Open, data: bytes | memoryview, end: bool) -> None:
        size = len(data)
        one.window -= size
        self._window -= size
        self._out.append(HEAD.pack(size >> 8, size & 0xFF, DATA, END_STREAM if end else 0, stream))
        self._out.append(data)
        if end:
            self._end_local(stream, one)

    def _end_local(self, stream: int, one: _Open) -> None:
        one.local = False
        if not one.remote:
            self._forget(stream, by_us=False)

    def room(self, stream: int) -> int:
        """How many bytes one `send_data` may carry now."""
        one = self._streams.get(stream)
        return 0 if one is None else max(0, min(one.window, self._window, self._peer_frame))

    def acknowledge(self, stream: int, counted: int) -> None:
        """Open the windows again: by halves, so that a WINDOW_UPDATE answers many frames."""
        self._give_back(counted)
        one = self._streams.get(stream)
        if one is None or not one.remote:
            return
        one.owed += counted
        if one.owed >= self._limits.stream_window // 2:
            self._out.append(frame(WINDOW_UPDATE, 0, stream, LONG.pack(one.owed)))
            one.taken += one.owed
            one.owed = 0

    def _give_back(self, counted: int) -> None:
        self._owed += counted
        if self._owed >= self._limits.connection_window // 2:
            self._out.append(frame(WINDOW_UPDATE, 0, 0, LONG.pack(self._owed)))
            self._taken += self._owed
            self._owed = 0

    def reset(self, stream: int, code: ErrorCode) -> None:
        """End a stream at once."""
        if stream in self._streams:
            self._out.append(frame(RST_STREAM, 0, stream, LONG.pack(code)))
            self._forget(stream, by_us=True)

    def goaway(self, code: ErrorCode) -> None:
        """Say that no newer stream will be answered. Running streams go on."""
        self._out.append(frame(GOAWAY, 0, 0, LONG.pack(self._newest) + LONG.pack(code)))

    def forget(self) -> None:
        """The connection has ended: nothing will be received."""
        del self._up

    _ACTIONS = (
        _on_data, _on_headers, _on_priority, _on_reset, _on_settings, _on_push, _on_ping, _on_goaway, _on_window, _on_continuation,
    )  # fmt: skip
