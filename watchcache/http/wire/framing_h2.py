"""`Framing` by the `h2` library.

What the library leaves to its user is done here. It takes a GOAWAY, sent or received, for the end of everything, where
RFC 9113 6.8 lets running streams finish: the frame we send is made beside it, and its state is opened again after it
received one. And it raises where this seam is silent: for streams, or a connection, that ended meanwhile.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any, cast

from h2 import events
from h2.config import H2Configuration
from h2.connection import ConnectionState, H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import H2Error, ProtocolError
from h2.settings import SettingCodes, Settings
from hyperframe.frame import GoAwayFrame

from watchcache.http.wire.frame_walk import FrameWalk
from watchcache.http.wire.framing import ConnectionOver, ErrorCode, HeaderList, Upcalls
from watchcache.http.wire.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

logging.getLogger("hpack").setLevel(logging.INFO)  # at DEBUG it logs every header, bearer tokens too

_DEFAULT_WINDOW = 65535


class H2Framing:
    """See `framing.Framing`."""

    def __init__(self, limits: Limits, upcalls: Upcalls) -> None:
        config = H2Configuration(
            client_side=False, header_encoding="latin-1", validate_outbound_headers=False
        )
        config.normalize_outbound_headers = False
        self._limits = limits
        self._up = upcalls
        self._h2 = H2Connection(config)
        self._beside = b""  # frames the library shall not know of
        self._newest = 0
        self._walk = FrameWalk(limits.frame_bytes, limits.head_bytes)
        self._actions: dict[type[events.Event], Callable[[Any], None]] = {
            events.RequestReceived: self._request_received,
            events.DataReceived: self._data_received,
            events.StreamEnded: self._stream_ended,
            events.StreamReset: self._stream_reset,
            events.WindowUpdated: self._window_updated,
            events.RemoteSettingsChanged: self._settings_changed,
            events.PingReceived: lambda _: upcalls.on_frame("ping"),
            events.PriorityUpdated: lambda _: upcalls.on_frame("trifle"),
            events.ConnectionTerminated: lambda _: upcalls.on_goaway(),
        }

    def start(self) -> None:
        """Queue the server's SETTINGS and the connection's window."""
        limits, h2 = self._limits, self._h2
        # assigned, not updated: an update would only hold after the client's acknowledgement, and go out as a second frame
        h2.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: limits.streams,
                SettingCodes.INITIAL_WINDOW_SIZE: limits.stream_window,
                SettingCodes.MAX_FRAME_SIZE: limits.frame_bytes,
                SettingCodes.MAX_HEADER_LIST_SIZE: limits.head_bytes,
            },
        )
        h2.max_inbound_frame_size = limits.frame_bytes
        h2.decoder.max_header_list_size = limits.head_bytes
        h2.initiate_connection()
        h2.increment_flow_control_window(limits.connection_window - _DEFAULT_WINDOW)

    def receive(self, data: bytes) -> None:
        """Read bytes, making upcalls. Raises `ConnectionOver`."""
        if wrong := self._walk.walk(data):
            self.goaway(ErrorCode.FRAME_SIZE_ERROR if wrong == "frame" else ErrorCode.ENHANCE_YOUR_CALM)
            raise ConnectionOver(f"{wrong} too large")
        try:
            arrived = self._h2.receive_data(data)
        except ProtocolError as error:
            raise ConnectionOver(str(error)) from error
        except (ValueError, KeyError, IndexError, UnicodeError, H2Error) as error:
            # defects of the parsing libraries on malformed input: the peer sent it
            self.goaway(ErrorCode.PROTOCOL_ERROR)
            raise ConnectionOver(str(error)) from error
        if self._h2.state_machine.state is ConnectionState.CLOSED:  # the peer's GOAWAY
            self._h2.state_machine.state = ConnectionState.SERVER_OPEN
        actions = self._actions
        for event in arrived:
            action = actions.get(type(event))
            if action is not None:
                action(event)

    def take(self) -> bytes:
        """Bytes to send."""
        data = self._h2.data_to_send()
        if self._beside:
            data, self._beside = data + self._beside, b""
        return data

    # -- what arrived

    def _request_received(self, event: events.RequestReceived) -> None:
        stream = event.stream_id
        assert stream is not None
        self._newest = stream
        headers = cast("HeaderList", event.headers or ())  # str, by the configured encoding
        self._up.on_request(stream, headers, event.stream_ended is not None)

    def _data_received(self, event: events.DataReceived) -> None:
        stream = event.stream_id
        assert stream is not None
        counted = event.flow_controlled_length or 0
        if not event.data and event.stream_ended is None:
            self._up.on_frame("trifle")
        self._up.on_data(stream, event.data or b"", counted)

    def _stream_ended(self, event: events.StreamEnded) -> None:
        assert event.stream_id is not None
        self._up.on_end(event.stream_id)

    def _stream_reset(self, event: events.StreamReset) -> None:
        assert event.stream_id is not None
        self._up.on_reset(event.stream_id)

    def _window_updated(self, event: events.WindowUpdated) -> None:
        self._up.on_window(event.stream_id or 0)

    def _settings_changed(self, _event: events.RemoteSettingsChanged) -> None:
        self._up.on_frame("settings")
        self._up.on_window(0)  # a larger initial window opens every stream

    # -- what is to be said

    def send_headers(self, stream: int, headers: HeaderList, end: bool) -> None:
        """Queue a header block."""
        with contextlib.suppress(ProtocolError):
            self._h2.send_headers(stream, headers, end_stream=end)

    def send_data(self, stream: int, data: bytes | memoryview, end: bool) -> None:
        """Queue DATA of at most `room(stream)` bytes."""
        with contextlib.suppress(ProtocolError):
            self._h2.send_data(stream, bytes(data), end_stream=end)

    def send_whole(self, stream: int, data: bytes | memoryview, end: bool) -> bool:
        """Queue DATA if one frame may carry all of it now; False when not."""
        fits = len(data) <= self.room(stream)
        if fits:
            self.send_data(stream, data, end)
        return fits

    def room(self, stream: int) -> int:
        """How many bytes one `send_data` may carry now."""
        try:
            window = self._h2.local_flow_control_window(stream)
        except ProtocolError:
            return 0
        return max(0, min(window, self._h2.max_outbound_frame_size))

    def acknowledge(self, stream: int, counted: int) -> None:
        """Open the windows again; the library sends WINDOW_UPDATE when enough has gathered."""
        with contextlib.suppress(ProtocolError):
            self._h2.acknowledge_received_data(counted, stream)

    def reset(self, stream: int, code: ErrorCode) -> None:
        """End a stream at once."""
        with contextlib.suppress(ProtocolError):
            self._h2.reset_stream(stream, ErrorCodes(code))

    def goaway(self, code: ErrorCode) -> None:
        """Say that no newer stream will be answered. Running streams go on."""
        self._beside += GoAwayFrame(0, last_stream_id=self._newest, error_code=code).serialize()

    def forget(self) -> None:
        """The connection has ended: nothing will be received."""
        self._actions = {}
        del self._up
