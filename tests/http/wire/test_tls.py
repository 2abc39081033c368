"""TLS: protocol choice, client certificates, and peers that do not keep to it."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from watchcache.http.wire import Limits, reload_certificate, server_context
from watchcache.http.wire.tls import Tls

from .scene import Client2, dial, read_all, read_until, request, responses, running


def issue(folder, name: str, issuer=None):
    """Write `name`.pem and `name`.key; returns (certificate, key) for issuing others."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    signer, signer_key = issuer or (None, key)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer.subject if signer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .sign(signer_key, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / f"{name}.key").write_bytes(private)
    return certificate, key


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """A folder with a CA, two serving certificates, a client's and a stranger's."""
    folder = tmp_path_factory.mktemp("pki")
    authority = issue(folder, "ca")
    for name in ("server", "renewed", "client"):
        issue(folder, name, authority)
    issue(folder, "stranger")
    return folder


def serving(pki, **options) -> ssl.SSLContext:
    """A context for the server, which asks for client certificates."""
    return server_context(pki / "server.pem", pki / "server.key", client_ca=pki / "ca.pem", **options)


@asynccontextmanager
async def connect(
    scene, pki, *protocols: str, certificate: str | None = None, maximum: ssl.TLSVersion | None = None
):
    """A client's TLS stream, its handshake done; closed without ceremony."""
    context = ssl.create_default_context(cafile=str(pki / "ca.pem"))
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    if certificate:
        context.load_cert_chain(pki / f"{certificate}.pem", pki / f"{certificate}.key")
    if maximum:
        context.maximum_version = maximum
    async with await dial(scene) as raw:
        stream = trio.SSLStream(raw, context, server_hostname="localhost", https_compatible=True)
        await stream.do_handshake()
        yield stream


@pytest.mark.parametrize("protocols", [("http/1.1",), ()])
async def test_http_1_1_is_spoken_when_agreed_or_nothing_is(pki, protocols):
    """ALPN http/1.1, or no ALPN, is HTTP/1.1; large answers arrive whole."""
    async with running(tls=serving(pki)) as scene, connect(scene, pki, *protocols) as stream:
        await stream.send_all(request("POST", "/x", b"y" * 200_000))
        await read_until(stream, b"]")
        await stream.send_all(request(target="/large", close=True))
        assert len(responses(await read_all(stream))[0][1]) == 2_100_000
        assert scene.requests[0].peer.tls


async def test_http_2_is_spoken_when_agreed(pki):
    """ALPN h2 is HTTP/2."""
    async with running(tls=serving(pki)) as scene, connect(scene, pki, "h2", "http/1.1") as stream:
        client = await Client2(stream).start()
        assert await client.get("/x") == ("200", b'["GET","/x",""]')
        assert len((await client.get("/large"))[1]) == 2_100_000


async def test_http_2_can_be_switched_off(pki):
    """A context without h2 agrees on http/1.1."""
    async with (
        running(tls=serving(pki, http2=False)) as scene,
        connect(scene, pki, "h2", "http/1.1") as stream,
    ):
        assert stream.selected_alpn_protocol() == "http/1.1"


async def test_the_clients_certificate_goes_up(pki):
    """A verified client certificate is in the request, as DER; without one there is none."""
    async with running(tls=serving(pki)) as scene:
        for certificate in ("client", None):
            async with connect(scene, pki, certificate=certificate) as stream:
                await stream.send_all(request())
                await read_until(stream, b"]")
        first, second = scene.requests
        assert x509.load_der_x509_certificate(first.peer.certificate).subject.rfc4514_string() == "CN=client"
        assert second.peer.certificate is None


async def test_a_strangers_certificate_fails_the_handshake(pki):
    """A certificate of another CA gets no answer."""
    async with running(tls=serving(pki)) as scene:
        with pytest.raises(trio.BrokenResourceError):
            async with connect(scene, pki, certificate="stranger") as stream:
                await stream.send_all(request())
                await stream.receive_some(10)
        assert not scene.requests
        assert scene.server.failed_handshakes == 1


async def test_close_notify_ends_the_connection(pki):
    """A client that says goodbye without closing its socket is taken at its word."""
    async with running(tls=serving(pki)) as scene, connect(scene, pki) as stream:
        await stream.send_all(request(target="/watch"))
        watch = await scene.watch()
        await read_until(stream, b"\r\n\r\n")
        await stream.unwrap()
        with trio.fail_after(5):
            await watch.stopped.wait()


async def test_a_request_in_clear_is_told_so(pki):
    """HTTP on the HTTPS port gets Go's words."""
    async with running(tls=serving(pki)) as scene, await dial(scene) as stream:
        await stream.send_all(request())
        assert await read_all(stream) == (
            b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
        )


@pytest.mark.parametrize("data", [b"", b"\x16\x03\x01", b"\x16\x03\x01\x00\x05hello"])
async def test_a_handshake_that_does_not_end_is_cut_off(pki, data, autojump_clock):
    """Silence, half a hello and nonsense all end within the handshake's deadline."""
    async with running(tls=serving(pki)) as scene, await dial(scene) as stream:
        await stream.send_all(data)
        await read_all(stream)
        assert trio.current_time() < 12
        await trio.testing.wait_all_tasks_blocked()
        assert scene.server.failed_handshakes == 1


async def test_damaged_records_end_the_connection(pki):
    """Bytes that are no record after the handshake end it; the server goes on."""
    async with running(tls=serving(pki)) as scene:
        async with connect(scene, pki) as stream:
            await stream.transport_stream.send_all(b"\x17\x03\x03\x00\x20" + b"x" * 32)
            await read_all(stream.transport_stream)
        async with connect(scene, pki) as second:
            await second.send_all(request())
            await read_until(second, b"]")
        assert scene.server.failed_handshakes == 0


async def test_a_renewed_certificate_serves_new_connections(pki):
    """reload_certificate changes what new connections see, and leaves running ones alone."""
    context = serving(pki)
    async with running(tls=context) as scene, connect(scene, pki) as old:
        reload_certificate(context, pki / "renewed.pem", pki / "renewed.key")
        async with connect(scene, pki) as new:
            assert new.getpeercert()["subject"] == ((("commonName", "renewed"),),)
        await old.send_all(request())
        await read_until(old, b"]")


async def test_a_mismatched_renewal_keeps_the_old_certificate(pki):
    """A key that does not belong to the certificate is refused and nothing changes."""
    context = serving(pki)
    with pytest.raises(ssl.SSLError):
        reload_certificate(context, pki / "renewed.pem", pki / "server.key")
    async with running(tls=context) as scene, connect(scene, pki) as stream:
        assert stream.getpeercert()["subject"] == ((("commonName", "server"),),)


async def test_an_old_protocol_is_refused(pki):
    """The minimum version holds."""
    async with running(tls=serving(pki, minimum=ssl.TLSVersion.TLSv1_3)) as scene:
        with pytest.raises(trio.BrokenResourceError):
            async with connect(scene, pki, maximum=ssl.TLSVersion.TLSv1_2):
                pass


async def test_back_pressure_holds_through_tls(pki):
    """The queue is bounded in ciphertext, and everything arrives in order."""
    async with running(tls=serving(pki)) as scene, connect(scene, pki) as stream:
        await stream.send_all(request(target="/watch"))
        watch = await scene.watch()
        sent = 0
        while watch.send(b"%08d" % sent * 1000):
            sent += 1
        assert watch.sink.queued < 2 * Limits().high_water
        watch.sink.finish()
        data = await read_until(stream, b"\r\n0\r\n\r\n")
        assert data.count(b"\r\n1f40\r\n") + data.count(b"1f40\r\n%08d" % 0) >= sent
        assert b"%08d" % sent in data


async def test_a_large_answer_passes_through_small_buffers(pki):
    """What is larger than a record arrives whole, both ways."""
    async with running(tls=serving(pki)) as scene, connect(scene, pki) as stream:
        body = bytes(range(32, 127)) * 3000
        head = request("POST", body=body, close=True)
        await stream.send_all(head)
        answer = await read_all(stream)
        assert body in scene.requests[0].body
        assert len(answer) > len(body)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_session_is_resumed_with_the_clients_certificate(pki, version):
    """The second connection does without the full handshake, and is still the same client's."""
    context = ssl.create_default_context(cafile=str(pki / "ca.pem"))
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    context.minimum_version = context.maximum_version = version
    context.load_cert_chain(pki / "client.pem", pki / "client.key")

    def ask(address: tuple[str, int], session: ssl.SSLSession | None) -> tuple[ssl.SSLSession | None, bool]:
        with (
            socket.create_connection(address, timeout=20) as raw,
            context.wrap_socket(raw, server_hostname="localhost", session=session) as sock,
        ):
            sock.sendall(request())
            sock.recv(1000)
            return sock.session, bool(sock.session_reused)

    async with running(tls=serving(pki)) as scene:
        session, reused = await trio.to_thread.run_sync(ask, scene.server.addresses[0], None)
        assert not reused
        _, reused = await trio.to_thread.run_sync(ask, scene.server.addresses[0], session)
        assert reused
        first, second = scene.requests
        assert first.peer.certificate == second.peer.certificate is not None


async def test_handshakes_take_turns(pki, monkeypatch):
    """Of many clients that come at once, one step is done in each pass of the scheduler; all are served."""
    passes, steps = [0], list[int]()
    real = Tls.handshake

    def handshake(tls: Tls, data: bytes) -> bool:
        steps.append(passes[0])
        return real(tls, data)

    class Passes(trio.abc.Instrument):
        def after_io_wait(self, timeout: float) -> None:
            del timeout
            passes[0] += 1

    async def come(scene: object) -> None:
        async with connect(scene, pki) as stream:
            await stream.send_all(request())
            assert await read_until(stream, b"]")

    monkeypatch.setattr(Tls, "handshake", handshake)
    counter = Passes()
    trio.lowlevel.add_instrument(counter)
    try:
        async with running(tls=serving(pki)) as scene, trio.open_nursery() as clients:
            for _ in range(30):
                clients.start_soon(come, scene)
    finally:
        trio.lowlevel.remove_instrument(counter)
    assert len(steps) >= 60
    assert len(set(steps)) == len(steps)
