"""`watchcache top`: two scrapes as rates, the screen as text, and the command against a running server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from watchcache.cli.connection import kubeconfig_path
from watchcache.cli.scrape import Scrape, Span, quantile
from watchcache.cli.screen import printable, seconds, size, table
from watchcache.testing.server import TestServer

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize(
    ("line", "labels", "value"),
    [
        ("a 1.5", {}, 1.5),
        ('a{x="1",y=""} 2', {"x": "1", "y": ""}, 2.0),
        (r'a{x="a\"b\\c,d=\"e\""} 3e+06', {"x": 'a"b\\c,d="e"'}, 3e6),
    ],
)
def test_samples_are_read(line: str, labels: dict[str, str], value: float):
    """With the format's escapes."""
    (sample,) = Scrape(f"# TYPE a gauge\n{line}\n").samples("a")
    assert (sample.labels, sample.value) == (labels, value)


def test_a_rate_is_what_a_counter_grew_in_a_second():
    """Over all its labels; after a restart it counts from nothing."""
    before, after = (
        Scrape('n{c="200"} 10\nn{c="404"} 5\nm 100\n', 1.0),
        Scrape('n{c="200"} 30\nn{c="404"} 5\nm 4\n', 3.0),
    )
    span = Span(before, after)
    assert (span.rate("n"), span.rate("n", c="404"), span.rate("m"), span.rate("none")) == (
        10.0,
        0.0,
        2.0,
        0.0,
    )


def test_a_quantile_is_of_the_new_values_only():
    """Linear within its bucket."""
    text = 'h_bucket{{le="1"}} {}\nh_bucket{{le="2"}} {}\nh_bucket{{le="+Inf"}} {}\n'
    span = Span(Scrape(text.format(100, 100, 100)), Scrape(text.format(100, 110, 110)))
    assert span.quantile(0.5, "h") == 1.5
    assert Span(span.after, span.after).quantile(0.5, "h") is None
    assert quantile(0.9, {1.0: 0, float("inf"): 10}) == 1.0


def test_what_every_process_holds_is_not_added_up():
    """Workers hold the same objects, and see the same events; requests are each one's own."""
    before = Scrape('o{process="a",r="x"} 5\no{process="a",r="y"} 1\no{process="b",r="x"} 4\n', 1.0)
    after = Scrape('o{process="a",r="x"} 9\no{process="a",r="y"} 1\no{process="b",r="x"} 10\n', 2.0)
    assert (before.held("o"), after.held("o"), after.sum("o"), before.held("none")) == (6, 10, 20, 0)
    assert Span(before, after).held_rate("o") == 4
    assert Scrape("o 3\no 4\n").held("o") == 7


def test_columns_are_aligned_and_harmless():
    """Numbers to the right; nothing that a user agent says can steer the terminal."""
    rows = [("alice", "90"), ("b\x1b[2J", "1,000")]
    assert list(table(("USER", "LATE"), rows)) == ["USER    LATE", "alice     90", "b?[2J  1,000"]
    assert printable("ok\x07") == "ok?"


def test_numbers_are_short():
    """In the unit that suits them."""
    assert [seconds(value) for value in (None, 0, 0.0123, 2, 90, 7200)] == [
        "-",
        "0",
        "12.3ms",
        "2.0s",
        "1.5m",
        "2.0h",
    ]
    assert [size(value) for value in (10, 2048, 3 << 20, 5 << 30)] == ["10", "2.0Ki", "3.0Mi", "5.0Gi"]


def test_the_kubeconfig_is_the_one_of_the_environment(tmp_path: Path):
    """Unless one is given; without either it is what `serve` writes."""
    assert kubeconfig_path(tmp_path, {"KUBECONFIG": "/x:/y"}) == tmp_path
    assert kubeconfig_path(None, {"KUBECONFIG": ":/x:/y"}) == Path("/x")
    assert kubeconfig_path(None, {}).name == "admin.kubeconfig"


def top(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The command, run to its end."""
    command = [sys.executable, "-m", "watchcache", "top", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=ROOT, check=False)


def test_once_prints_what_the_server_does(tmp_path: Path):
    """Through the administrator's certificate, for scripts."""
    with TestServer(tmp_path) as server:
        done = top("--once", "--interval=0.1", "--kubeconfig", server.kubeconfig)
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        assert server.url in lines[0]
        assert [line.split()[0] for line in lines[:5]] == [
            "watchcache",
            "requests",
            "events",
            "watches",
            "server",
        ]
        assert lines[6].split()[0] == "USER"


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path):
    """And status 1."""
    with TestServer(tmp_path) as server:
        kubeconfig = server.kubeconfig
    done = top("--once", "--interval=0.1", "--kubeconfig", kubeconfig)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)


@pytest.mark.parametrize("text", ["", "a: [", "apiVersion: v1\ncurrent-context: x\n"])
def test_a_kubeconfig_that_is_none_is_refused(tmp_path: Path, text: str):
    """One line, status 2."""
    (tmp_path / "kc").write_text(text)
    done = top("--once", "--kubeconfig", tmp_path / "kc")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
