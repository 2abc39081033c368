"""The commands as processes: one line for what is wrong, status 2; output that people and scripts can use."""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from watchcache.api.codec import stamp
from watchcache.log import Log
from watchcache.persist import FileJournal
from watchcache.pki import Authority

ROOT = Path(__file__).parent.parent.parent


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [sys.executable, "-m", "watchcache", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=ROOT, check=False)


def serve(directory: Path, *flags: object) -> subprocess.CompletedProcess[str]:
    """`watchcache serve` with everything below a directory; it must not get as far as serving."""
    where = ["--cert-dir", directory / "pki", "--watchcache-data-dir", directory / "data"]
    return run("serve", "--secure-port=0", *where, "--write-kubeconfig", directory / "kubeconfig", *flags)


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a refused command says."""
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


def test_a_busy_port(tmp_path: Path):
    """Says which port, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        line = refused(serve(tmp_path, f"--secure-port={port}"))
    assert (
        f"port {port} on 127.0.0.1 is in use; stop what listens there, or choose another with --secure-port"
        in line
    )


def test_directories_that_cannot_be_used(tmp_path: Path):
    """A file where a directory should be, for the data and for the certificates."""
    (tmp_path / "file").write_text("")
    assert str(tmp_path / "file") in refused(serve(tmp_path, "--watchcache-data-dir", tmp_path / "file"))
    assert "--cert-dir" in refused(serve(tmp_path, "--cert-dir", tmp_path / "file"))


def test_an_expired_certificate(tmp_path: Path):
    """Named with its end."""
    past = dt.datetime.now(dt.UTC) - dt.timedelta(days=500)
    pair = Authority(tmp_path / "old", now=past).ensure("x", "x", names=["localhost"])
    line = refused(serve(tmp_path, "--tls-cert-file", pair.certificate, "--tls-private-key-file", pair.key))
    assert f"the certificate in {pair.certificate} expired on" in line


def test_files_that_are_not_there(tmp_path: Path):
    """Token file, configuration file."""
    assert "--token-auth-file: cannot read" in refused(
        serve(tmp_path, "--token-auth-file", tmp_path / "none")
    )
    assert "--config: cannot read" in refused(serve(tmp_path, "--config", tmp_path / "none"))


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["serve", "--nonsense"], ["check"], ["log", "--from", "x", "d"], ["check", "/nowhere"]],
)
def test_wrong_lines(arguments: list[str]):
    """An unknown command or flag, a missing or wrong argument, a directory that is none."""
    assert refused(run(*arguments)).startswith("watchcache: ")


def test_a_configuration_file_says_the_same_as_the_flags_it_was_written_from(tmp_path: Path):
    """--write-config-to writes what --config reads."""
    path = tmp_path / "config.yaml"
    assert (
        run("serve", "--secure-port=7", "--disable-http2-serving", "--write-config-to", path).returncode == 0
    )
    (tmp_path / "file").write_text("")
    line = refused(serve(tmp_path, "--config", path, "--tls-min-version=SSLv2"))
    assert "--tls-min-version" in line
    assert "secure-port: '7'" in path.read_text()


def test_version():
    """For people and for scripts."""
    assert "Kubernetes API v1.36" in run("version").stdout
    assert json.loads(run("version", "-o", "json").stdout)["kubernetes"] == "v1.36"


def test_help_ends_well():
    """Help is printed to standard output with status 0."""
    for arguments in (["--help"], ["serve", "--help"], ["serve", "--help-all"], ["check", "--help"]):
        done = run(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert "watchcache" in done.stdout


async def fill(directory: Path) -> None:
    """A data directory with a creation, a change and a deletion."""
    log = Log(FileJournal(directory), stamp=stamp)
    await log.open()
    async with trio.open_nursery() as nursery:
        await nursery.start(log.run)
        value = b'{"metadata":{"resourceVersion":"","name":"x"},"data":{"a":"1"}}'
        await log.append("configmaps/default/x", value)
        await log.append("configmaps/default/x", value.replace(b"1", b"2"))
        await log.append("configmaps/default/x", None)
        await log.close()


def test_check_and_log_look_into_a_directory(tmp_path: Path):
    """`check` says that it is sound, `log` prints the events; damage is named and makes the status 1."""
    trio.run(fill, tmp_path / "data")
    sound = run("check", tmp_path / "data")
    assert sound.returncode == 0
    assert "sound; 0 keys at revision 3, history after revision 0" in sound.stdout
    events = [json.loads(line) for line in run("log", tmp_path / "data").stdout.splitlines()]
    assert [(event["revision"], event["type"]) for event in events] == [
        (1, "ADDED"),
        (2, "MODIFIED"),
        (3, "DELETED"),
    ]
    assert events[2]["object"]["metadata"]["resourceVersion"] == "3"
    assert len(run("log", tmp_path / "data", "--from", "2").stdout.splitlines()) == 2
    segment = next((tmp_path / "data").glob("*.events"))
    data = bytearray(segment.read_bytes())
    data[len(data) // 3] ^= 0xFF
    segment.write_bytes(data)
    damaged = run("check", tmp_path / "data")
    assert damaged.returncode == 1
    assert f"FAULT: {segment} at offset" in damaged.stdout


def test_a_kubeconfig_for_another_user(tmp_path: Path):
    """Needs the CA of a server that has run; names the user in its certificate."""
    assert "holds no CA" in refused(run("kubeconfig", "--cert-dir", tmp_path))
    Authority(tmp_path)
    done = run("kubeconfig", "--cert-dir", tmp_path, "--user", "jane", "--group", "dev", "--ttl", "1h")
    config = json.loads(done.stdout)
    assert config["users"][0]["user"].keys() == {"client-certificate-data", "client-key-data"}


def test_a_reader_that_has_seen_enough_is_no_fault(tmp_path: Path):
    """`watchcache log DIR | head`: the command ends without a word when nobody reads on."""
    trio.run(fill, tmp_path / "data")
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "watchcache", "log", str(tmp_path / "data")]
    with os.fdopen(writing) as pipe:
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, cwd=ROOT, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
