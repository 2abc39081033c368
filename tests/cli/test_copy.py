"""`watchcache copy` as a process: objects, revisions and checksums at both ends, and one line for what cannot be copied."""

from __future__ import annotations

import base64
import json
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import trio

from tests import etcds
from tests.cli.test_commands import refused, run
from watchcache.api.catalog import load_catalog
from watchcache.api.codec import stamp, value_of
from watchcache.api.protobuf import encode
from watchcache.log import Event, Head, Log
from watchcache.persist import Contents, FileJournal, checksum, read_directory
from watchcache.pki import Authority


def document(kind: str, name: str, **more: Any) -> dict[str, Any]:
    """An object."""
    return {
        "kind": kind,
        "apiVersion": "v1",
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}"},
        **more,
    }


def config_map(number: int) -> tuple[str, dict[str, Any]]:
    """A key and an object."""
    return f"configmaps/default/m{number}", document("ConfigMap", f"m{number}", data={"a": f"ä{number}"})


def event() -> tuple[str, dict[str, Any]]:
    """One whose value names a revision inside, too."""
    involved = {"kind": "Pod", "name": "p", "namespace": "default", "resourceVersion": "7"}
    return "events/default/e", document("Event", "e", involvedObject=involved, reason="r", message="m")


async def fill(directory: Path, objects: list[tuple[str, dict[str, Any]]]) -> list[Event]:
    """A data directory with objects, some changed and one deleted."""
    log = Log(FileJournal(directory), stamp=stamp)
    await log.open()
    written = []
    async with trio.open_nursery() as nursery:
        await nursery.start(log.run)
        for key, each in objects:
            written.append(await log.append(key, value_of(each)))
        await log.append("configmaps/default/gone", value_of(document("ConfigMap", "gone")))
        await log.append("configmaps/default/gone", None)
        await log.close()
    return written


def contents(directory: Path) -> Contents:
    """What is in a data directory."""
    return trio.run(read_directory, directory, stamp)


OBJECTS = [*map(config_map, range(150)), event()]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A data directory."""
    trio.run(fill, tmp_path / "source", OBJECTS)
    return tmp_path / "source"


def call(etcd: etcds.Etcd, path: str, **body: Any) -> Any:
    """Call etcd through its JSON gateway."""
    request = urllib.request.Request(f"{etcd.url}/v3/{path}", json.dumps(body).encode(), method="POST")
    return json.load(urllib.request.urlopen(request, timeout=5))


def text(value: str | bytes) -> str:
    """As the gateway wants it."""
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def put(etcd: etcds.Etcd, key: str, value: str | bytes) -> None:
    """Write a key as somebody else."""
    call(etcd, "kv/put", key=text(key), value=text(value))


def copied(source: object, target: object, *flags: str) -> subprocess.CompletedProcess[str]:
    """Copy, successfully."""
    done = run("copy", "--from", source, "--to", target, *flags)
    assert done.returncode == 0, done.stderr
    return done


def test_a_directory_to_a_directory(source: Path, tmp_path: Path):
    """The same objects with the same revisions; the next write is above them; the checksum is printed."""
    done = copied(f"file:{source}", f"file:{tmp_path / 'a/target'}")
    before, after = contents(source), contents(tmp_path / "a/target")
    assert after == before
    assert len(after.heads) == 151
    assert checksum(before.heads, stamp) in done.stdout
    assert f"151 objects at revision {before.revision}" in done.stdout
    (later,) = trio.run(fill, tmp_path / "a/target", [config_map(999)])
    assert later.revision == before.revision + 1


def test_there_and_back_through_etcd(source: Path, etcd: etcds.Etcd, tmp_path: Path):
    """What comes back has the values, the revisions of etcd and a log above them; events got a lease."""
    there = copied(f"file:{source}", f"etcd:{etcd.url}/other", "--event-ttl=2h")
    back = copied(f"etcd:{etcd.url}", f"file:{tmp_path / 'target'}", "--etcd-prefix=/other")
    before, after = contents(source), contents(tmp_path / "target")
    digest = checksum(before.heads, stamp)
    assert digest in there.stdout
    assert digest in back.stdout
    pair = call(etcd, "kv/range", key=text("/other/configmaps/default/m3"))["kvs"][0]
    assert after.heads["configmaps/default/m3"].revision == int(pair["mod_revision"])
    assert json.loads(base64.b64decode(pair["value"]))["data"] == {"a": "ä3"}
    assert after.revision >= max(head.revision for head in after.heads.values())
    lease = call(etcd, "kv/range", key=text("/other/events/default/e"))["kvs"][0]["lease"]
    assert 7000 < int(call(etcd, "lease/timetolive", ID=lease)["grantedTTL"]) <= 7300


def test_nobody_resumes_at_the_target_from_the_sources_revisions(source: Path, etcd: etcds.Etcd):
    """The target's history is compacted, and the revision that the source was at is noted for its servers."""
    copied(f"file:{source}", f"etcd:{etcd.url}")
    newest = int(call(etcd, "kv/range", key=text("x"))["header"]["revision"])
    with pytest.raises(urllib.error.HTTPError):
        call(etcd, "kv/range", key=text("x"), revision=newest - 1)
    noted = json.loads(
        base64.b64decode(call(etcd, "kv/range", key=text("watchcache/epoch"))["kvs"][0]["value"])
    )
    assert noted["lost"] == contents(source).revision


def test_between_prefixes_of_one_etcd(source: Path, etcd: etcds.Etcd):
    """From etcd to etcd, also the same one."""
    copied(f"file:{source}", f"etcd:{etcd.url}/a")
    done = copied(f"etcd:{etcd.url}/a", f"etcd:{etcd.url}/b")
    assert checksum(contents(source).heads, stamp) in done.stdout
    assert call(etcd, "kv/range", key=text("/b/"), range_end=text("/b0"), count_only=True)["count"] == "151"


def test_a_target_that_is_not_empty(source: Path, etcd: etcds.Etcd, tmp_path: Path):
    """Refused; with --replace a directory is renamed and keys are deleted."""
    trio.run(fill, tmp_path / "target", [config_map(1000)])
    old = contents(tmp_path / "target")
    line = refused(run("copy", "--from", f"file:{source}", "--to", f"file:{tmp_path / 'target'}"))
    assert "is not empty" in line
    assert contents(tmp_path / "target") == old
    copied(f"file:{source}", f"file:{tmp_path / 'target'}", "--replace")
    assert contents(tmp_path / "target") == contents(source)
    assert contents(tmp_path / "target.before-copy") == old
    again = run("copy", "--from", f"file:{source}", "--to", f"file:{tmp_path / 'target'}", "--replace")
    assert again.returncode == 2
    assert "target.before-copy is there already" in again.stderr
    put(etcd, "/registry/masterleases/x", "x")
    line = run("copy", "--from", f"file:{source}", "--to", f"etcd:{etcd.url}").stderr
    assert f"/registry in etcd at {etcd.url} is not empty (1 keys)" in line
    copied(f"file:{source}", f"etcd:{etcd.url}", "--replace")
    assert "kvs" not in call(etcd, "kv/range", key=text("/registry/masterleases/x"))


def test_a_directory_in_use(source: Path, tmp_path: Path):
    """By its process; as the source and as the target."""
    other = tmp_path / "other"
    trio.run(fill, other, [config_map(1)])

    async def hold() -> None:
        journal = FileJournal(source)
        log = Log(journal, stamp=stamp)
        await log.open()
        line = refused(run("copy", "--from", f"file:{source}", "--to", f"file:{tmp_path / 'x'}"))
        assert f"{source} is in use by another server (process " in line
        line = refused(run("copy", "--from", f"file:{other}", "--to", f"file:{source}", "--replace"))
        assert f"{source} is in use by another server (process " in line
        await log.close()

    trio.run(hold)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("end", "says"),
    [
        ("nothing", '"nothing" is no store; write it like file:DIR'),
        ("file:", "is no store"),
        ("etcd:", "is no store"),
        ("etcd:ftp://a", '"ftp://a" is no URL of an etcd'),
        ("etcd:http://a:port", "is no URL of an etcd"),
        ("etcd:http://127.0.0.1:2379,", '"" is no URL of an etcd'),
    ],
)
def test_ends_that_are_none(end: str, says: str, source: Path):
    """Wrong texts at either end."""
    assert says in refused(run("copy", "--from", end, "--to", f"file:{source}"))
    assert says in refused(run("copy", "--from", f"file:{source}", "--to", end))


def test_a_source_that_is_not_there(tmp_path: Path):
    """A directory that does not exist is not made; one without data is named."""
    assert "is no directory" in refused(
        run("copy", "--from", f"file:{tmp_path / 'none'}", "--to", f"file:{tmp_path / 'x'}")
    )
    assert not (tmp_path / "none").exists()
    assert "holds no data" in refused(
        run("copy", "--from", f"file:{tmp_path}", "--to", f"file:{tmp_path / 'x'}")
    )


def test_tls_files_that_cannot_be_read(tmp_path: Path):
    """Named with their flag."""
    line = refused(
        run(
            "copy",
            "--from",
            "etcd:https://127.0.0.1:1",
            "--to",
            f"file:{tmp_path / 'x'}",
            "--etcd-cafile=/none",
        )
    )
    assert "--etcd-cafile: cannot read /none" in line


def test_what_a_kube_apiserver_wrote_as_protobuf(etcd: etcds.Etcd, tmp_path: Path):
    """It is decoded; keys of what is not served are counted on standard error."""
    key, made = config_map(1)
    put(etcd, f"/registry/{key}", encode(made))
    put(etcd, "/registry/masterleases/10.0.0.1", "{}")
    put(etcd, "/registry/masterleases/10.0.0.2", "{}")
    done = copied(f"etcd:{etcd.url}", f"file:{tmp_path / 'target'}")
    head = contents(tmp_path / "target").heads[key]
    assert head == Head(head.revision, stamp(value_of(made), head.revision))
    assert "2 keys below masterleases (2)" in done.stderr


CRONTABS = {
    "kind": "CustomResourceDefinition",
    "apiVersion": "apiextensions.k8s.io/v1",
    "metadata": {"name": "crontabs.stable.example.com"},
    "spec": {
        "group": "stable.example.com",
        "scope": "Namespaced",
        "names": {"plural": "crontabs", "kind": "CronTab"},
        "versions": [
            {"name": "v2", "served": False, "storage": True},
            {"name": "v1", "served": True, "storage": False},
        ],
    },
    "status": {
        "acceptedNames": {"plural": "crontabs", "kind": "CronTab"},
        "conditions": [{"type": "Established", "status": "True"}],
    },
}


def test_custom_resources_are_copied_with_their_definitions(etcd: etcds.Etcd, tmp_path: Path):
    """To etcd they go as kube-apiserver writes them, in the version that their definition keeps; and back."""
    key = "stable.example.com/crontabs/default/a"
    instance = {
        "apiVersion": "stable.example.com/v1",
        "kind": "CronTab",
        "metadata": {"name": "a", "namespace": "default"},
        "spec": {"b": 1},
    }
    objects = [
        ("apiextensions.k8s.io/customresourcedefinitions/crontabs.stable.example.com", CRONTABS),
        (key, instance),
    ]
    trio.run(fill, tmp_path / "source", objects)
    copied(f"file:{tmp_path / 'source'}", f"etcd:{etcd.url}")
    pair = call(etcd, "kv/range", key=text(f"/registry/{key}"))["kvs"][0]
    stored = base64.b64decode(pair["value"])
    assert stored.startswith(b'{"apiVersion":"stable.example.com/v2","kind":"CronTab","metadata":{')
    copied(f"etcd:{etcd.url}", f"file:{tmp_path / 'target'}")
    before, after = contents(tmp_path / "source"), contents(tmp_path / "target")
    assert checksum(after.heads, stamp) == checksum(before.heads, stamp)
    assert key in after.heads


def test_encrypted_values_are_refused_with_the_key(etcd: etcds.Etcd, tmp_path: Path):
    """Nothing is written."""
    put(etcd, "/registry/secrets/default/s", b"k8s:enc:aescbc:v1:key1:xyz")
    line = refused(run("copy", "--from", f"etcd:{etcd.url}", "--to", f"file:{tmp_path / 'x'}"))
    assert "/registry/secrets/default/s cannot be read: it is encrypted" in line
    assert not (tmp_path / "x").exists()


def test_all_kinds_have_a_form_in_etcd():
    """What a data directory can hold, an etcd takes."""
    from watchcache.api.stored import StoredForm

    catalog = load_catalog()
    form = StoredForm(catalog)
    for resource in catalog.stored():
        value = value_of(
            {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": {"name": "x"}}
        )
        key = f"{resource.storage_prefix}/x"
        assert form.decode(key, form.encode(key, value), 5) == stamp(value, 5)


def test_an_etcd_that_is_not_there(source: Path):
    """One line with its address, after a moment."""
    line = refused(run("copy", "--from", f"file:{source}", "--to", "etcd:http://127.0.0.1:1"))
    assert "etcd does not answer (http://127.0.0.1:1: cannot connect" in line


def test_an_etcd_that_asks_for_certificates(source: Path, tmp_path: Path):
    """The flags of serve; without them one line."""
    if etcds.binary() is None:
        pytest.skip("no etcd")
    authority = Authority(tmp_path / "pki")
    server = authority.ensure("etcd", "etcd", names=["127.0.0.1", "localhost"])
    user = authority.ensure("user", "user", organizations=["o"])
    ca = authority.files.certificate
    member = etcds.secured(tmp_path / "etcd", server.certificate, server.key, ca).start()
    flags = [f"--etcd-cafile={ca}", f"--etcd-certfile={user.certificate}", f"--etcd-keyfile={user.key}"]
    try:
        copied(f"file:{source}", f"etcd:{member.url}", *flags)
        done = copied(f"etcd:{member.url}", f"file:{tmp_path / 'back'}", *flags)
        assert checksum(contents(source).heads, stamp) in done.stdout
        line = refused(run("copy", "--from", f"etcd:{member.url}", "--to", f"file:{tmp_path / 'x'}"))
        assert "TLS with etcd failed" in line
    finally:
        member.stop()


def test_the_history_of_a_server_on_etcd_is_no_source(tmp_path: Path):
    """It is no state; and `check` says the same."""
    (tmp_path / "HISTORY").write_text("{}")
    for line in (
        refused(run("copy", "--from", f"file:{tmp_path}", "--to", f"file:{tmp_path / 'x'}")),
        refused(run("check", tmp_path)),
    ):
        assert "holds the history of a server on etcd, and no journal" in line
