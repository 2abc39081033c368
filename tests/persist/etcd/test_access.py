"""Users, passwords and certificates: renewed, expired, taken away and given back while a log runs; and endpoints that are no etcd."""

import datetime as dt
import socket

import pytest
import trio

from tests import etcds
from tests.conformance.samples import value
from tests.tcp_proxy import Proxy
from watchcache import pki
from watchcache.log import JournalError, JournalUnavailable
from watchcache.persist.etcd import EtcdUnusable, Options

from .scene import answered, log_on, running
from .test_faults import gateway, until

pytestmark = etcds.needs_etcd


def with_users(etcd):
    """Give it a root and a user who may do everything below the prefix."""
    for user, password in (("root", "secret"), ("api", "first")):
        gateway(etcd, "auth/user/add", name=user, password=password)
        gateway(etcd, "auth/role/add", name=user)
        gateway(etcd, "auth/user/grant", user=user, role=user)
    # Keys in base64: "/registry/" and the first key behind it.
    gateway(etcd, "auth/role/grant", name="api", perm=PERMISSION)
    gateway(etcd, "auth/enable")


PERMISSION = {"permType": "READWRITE", "key": "L3JlZ2lzdHJ5Lw==", "range_end": "L3JlZ2lzdHJ5MA=="}


def as_root(etcd, path, **body):
    """A call by root."""
    token = gateway(etcd, "auth/authenticate", name="root", password="secret")["token"]
    return gateway(etcd, path, token, **body)


async def test_a_permission_that_is_taken_away_is_named_until_it_is_given_back(etcd, tmp_path):
    """Writes and consistent reads fail and say who refuses; the checks fail; afterwards all goes on by itself."""
    with_users(etcd)
    (tmp_path / "login").write_text("api:first\n")
    async with running(etcd.url, cluster={"credentials": str(tmp_path / "login")}) as log:
        event = await log.append("k", value())
        as_root(
            etcd, "auth/role/revoke", role="api", key=PERMISSION["key"], range_end=PERMISSION["range_end"]
        )
        with pytest.raises(EtcdUnusable, match=r"etcd refuses the user.*permission denied"):
            await log.append("k", value("2"), expected=event.revision)
        with pytest.raises(EtcdUnusable, match="permission denied"):
            await log.newest()
        assert "permission denied" in log.problem
        assert log.head("k").revision == event.revision
        as_root(etcd, "auth/role/grant", name="api", perm=PERMISSION)
        await until(lambda: log.problem is None)
        second = await log.append("k", value("3"), expected=event.revision)
        assert second.prev == event.value
        assert log.figures.rereads == 0


async def test_a_new_password_is_read_from_the_file(etcd, tmp_path):
    """The old token ends with the old password; what is in the file then counts, and the watch goes on."""
    with_users(etcd)
    login = tmp_path / "login"
    login.write_text("api:first\n")
    delivered: list = []
    proxy = Proxy(etcd.port)
    async with trio.open_nursery() as nursery:
        await nursery.start(proxy.run)
        async with running(proxy.url, cluster={"credentials": str(login)}) as log:
            log.subscribe(delivered.extend)
            events = [await log.append("k", value("1"))]
            as_root(etcd, "auth/user/changepw", name="api", password="second")
            with pytest.raises(EtcdUnusable, match="credentials-file"):
                await log.append("k", value("2"), expected=events[0].revision)
            login.write_text("api:second\n")
            events.append(await log.append("k", value("3"), expected=events[0].revision))
            await proxy.cut()
            await until(lambda: log.problem is not None)
            proxy.restore()
            await until(lambda: log.problem is None)
            events.append(await log.append("k", value("4"), expected=events[1].revision))
            assert delivered == events
        nursery.cancel_scope.cancel()


async def test_many_calls_with_an_old_token_log_in_once(etcd, tmp_path):
    """A restart of etcd makes it forget simple tokens; a login costs it a tenth of a second."""
    with_users(etcd)
    (tmp_path / "login").write_text("api:first\n")
    async with running(etcd.url, cluster={"credentials": str(tmp_path / "login")}) as log:
        await log.append("k", value())
        etcd.kill()
        await until(lambda: log.problem is not None)
        logins = answered(log, "/etcdserverpb.Auth/Authenticate")
        etcd.start()
        await until(lambda: log.problem is None)
        async with trio.open_nursery() as nursery:
            for number in range(50):
                nursery.start_soon(log.append, f"k{number}", value())
        assert answered(log, "/etcdserverpb.Auth/Authenticate") - logins <= 3


def tls_etcd(tmp_path, authority):
    """An etcd that wants client certificates."""
    server = authority.ensure("etcd", "etcd", names=["127.0.0.1", "localhost"])
    files = (f"--cert-file={server.certificate}", f"--key-file={server.key}")
    trusted = f"--trusted-ca-file={authority.files.certificate}"
    return etcds.Etcd(tmp_path / "etcd", *files, trusted, "--client-cert-auth", scheme="https").start()


async def test_a_certificate_that_expires_is_named_and_its_successor_read_from_the_file(tmp_path):
    """At a start, and while running: connections that are open go on, new ones fail until the file is renewed."""
    past = dt.datetime.now(dt.UTC) - dt.timedelta(days=400)
    old, authority = pki.Authority(tmp_path / "pki", now=past), pki.Authority(tmp_path / "pki")
    valid, expired = authority.ensure("valid", "user"), old.ensure("expired", "user")
    used = pki.KeyPair(tmp_path / "user.crt", tmp_path / "user.key")
    member = tls_etcd(tmp_path, authority)

    def install(pair):
        for source, target in zip(pair, used, strict=True):
            (tmp_path / "new").write_bytes(source.read_bytes())
            (tmp_path / "new").replace(target)

    cluster = {
        "ca": str(authority.files.certificate),
        "certificate": str(used.certificate),
        "key": str(used.key),
    }
    proxy = Proxy(member.port)
    try:
        install(expired)
        with pytest.raises(EtcdUnusable, match=r"TLS with etcd failed.*--etcd-certfile"):
            await log_on(member.url, cluster=cluster).open()
        install(valid)
        async with trio.open_nursery() as nursery:
            await nursery.start(proxy.run)
            async with running(proxy.url.replace("http", "https"), cluster=cluster) as log:
                first = await log.append("k", value("1"))
                install(expired)
                second = await log.append("k", value("2"), expected=first.revision)
                await proxy.cut()
                await until(lambda: log.problem is not None)
                proxy.restore()
                await until(lambda: "expired" in (log.problem or ""))
                with pytest.raises(JournalError, match="expired"):
                    await log.append("k", value("3"), expected=second.revision)
                used.key.write_bytes(b"half of a")  # is being replaced
                await trio.sleep(0.1)
                install(valid)
                await until(lambda: log.problem is None)
                assert (await log.append("k", value("4"), expected=second.revision)).prev == second.value
            nursery.cancel_scope.cancel()
    finally:
        member.stop()


@pytest.mark.parametrize(
    ("scheme", "said"),
    [
        ("https", "no TLS came about; is it an http endpoint"),
        ("metrics", "speaks no HTTP/2; is it an etcd's client port"),
        ("silent", "no answer in time"),
    ],
)
async def test_what_is_no_etcd_is_named(etcd, tmp_path, scheme, said):
    """One line that says what may be wrong; nothing was written."""
    authority = pki.Authority(tmp_path / "pki")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = {
            "https": etcd.url.replace("http", "https"),
            "metrics": f"http://127.0.0.1:{etcd._metrics}",
            "silent": f"http://127.0.0.1:{silent.getsockname()[1]}",
        }[scheme]
        with pytest.raises(JournalUnavailable, match=said):
            await log_on(url, cluster={"ca": str(authority.files.certificate)}).open()
    assert (
        gateway(etcd, "kv/range", key="AA==", range_end="AA==", count_only=True)["header"]["revision"] == "1"
    )


async def test_plain_http_to_a_port_with_tls_is_named(tmp_path):
    """As above."""
    member = tls_etcd(tmp_path, pki.Authority(tmp_path / "pki"))
    try:
        with pytest.raises(JournalUnavailable, match="is it an https endpoint"):
            await log_on(member.url.replace("https", "http"), options=Options(patience=1)).open()
    finally:
        member.stop()
