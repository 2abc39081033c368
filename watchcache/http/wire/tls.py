"""TLS through `ssl.SSLObject` and two memory BIOs: no second task, no lock, and writes that do not wait.

`trio.SSLStream` may write while it reads and so needs a lock and an await around each send; a watch delivery would pay
for a task switch. Here encryption is a function from bytes to bytes. TLS 1.3's key updates and TLS 1.2's alerts, which
make the one side speak because of what the other said, end up in `take()`, and the transport sends them after each read.
"""

from __future__ import annotations

import contextlib
import ssl
from pathlib import Path

READ = 65536
# The most that is put into a BIO at once: a record's payload. A BIO never gives back what it once needed, and there may be
# a hundred thousand of them; a record is also the most that OpenSSL encrypts at a time.
PIECE = 16384


def server_context(
    certificate: str | Path,
    key: str | Path,
    *,
    client_ca: str | Path | None = None,
    minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
    http2: bool = True,
    ciphers: str | None = None,
) -> ssl.SSLContext:
    """The context `serve()` wants: ALPN, and client certificates asked for (not demanded) when `client_ca` is given.

    Raises `ssl.SSLError` or `OSError` when a file cannot be read or key and certificate do not belong together. A client
    certificate of another CA fails the handshake.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = minimum
    # renegotiation is how a client makes a server do handshakes for ever; compression leaks secrets
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_SINGLE_ECDH_USE
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2", "http/1.1"] if http2 else ["http/1.1"])
    if ciphers is not None:
        context.set_ciphers(ciphers)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def reload_certificate(context: ssl.SSLContext, certificate: str | Path, key: str | Path) -> None:
    """Serve another certificate to new connections; running ones keep theirs.

    The pair is tried on a scratch context first: a failing `load_cert_chain` may leave a context with the new
    certificate and the old key. Raises what `server_context` raises, with the old pair still served.
    """
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    context.load_cert_chain(certificate, key)


class Tls:
    """The TLS state of one connection. All methods raise `ssl.SSLError` when the peer breaks the protocol."""

    __slots__ = ("_in", "_object", "_out", "_read", "_write", "closed")

    def __init__(self, context: ssl.SSLContext) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._in, self._out, server_side=True)
        self._read, self._write = self._object.read, self._object.write
        self.closed = False  # close_notify has arrived

    def handshake(self, data: bytes) -> bool:
        """Feed received bytes; True when the handshake is complete. Send `take()` in any case."""
        self._in.write(data)
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def encrypt(self, data: bytes | memoryview) -> bytes:
        """The records that carry `data`."""
        if len(data) <= PIECE:
            self._write(data)
            return self._out.read()
        view, records = memoryview(data), []
        for start in range(0, len(data), PIECE):
            self._write(view[start : start + PIECE])
            records.append(self._out.read())
        return b"".join(records)

    def decrypt(self, data: bytes) -> bytes:
        """What the records received so far carry: b"" when none is complete, or nothing came before close_notify."""
        if len(data) > PIECE:
            view = memoryview(data)
            pieces = (view[start : start + PIECE] for start in range(0, len(data), PIECE))
            return b"".join(self._decrypt(piece) for piece in pieces)
        return self._decrypt(data)

    def _decrypt(self, data: bytes | memoryview) -> bytes:
        if self.closed:
            return b""
        self._in.write(data)
        try:
            plain = self._read(READ)
        except ssl.SSLWantReadError:
            return b""
        # read() says "want read" by raising, which costs as much as reading: ask only when something is left
        if plain and not self._in.pending and not self._object.pending():
            return plain
        return plain + self._rest(plain)

    def _rest(self, last: bytes) -> bytes:
        parts = []
        try:
            while last:
                last = self._read(READ)
                parts.append(last)
        except ssl.SSLWantReadError:
            return b"".join(parts)
        self.closed = True  # read() returned b"": close_notify, and it would return b"" for ever
        return b"".join(parts)

    def close(self) -> bytes:
        """Our close_notify. The peer's is not waited for: HTTP has its own message ends."""
        with contextlib.suppress(ssl.SSLError):
            self._object.unwrap()
        return self.take()

    def take(self) -> bytes:
        """What TLS itself wants sent."""
        return self._out.read() if self._out.pending else b""

    @property
    def protocol(self) -> str | None:
        """The protocol agreed by ALPN."""
        return self._object.selected_alpn_protocol()

    @property
    def certificate(self) -> bytes | None:
        """The client's certificate (DER), verified."""
        return self._object.getpeercert(binary_form=True)
