"""What the pages say about metrics, health checks, settings and recorded exchanges is so."""

from __future__ import annotations

import re
import runpy
import ssl
import urllib.request
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, blocks, code, name, table
from watchcache.settings import Settings
from watchcache.testing import plugin
from watchcache.testing.server import TestServer

OPERATIONS = ROOT / "docs" / "operations.md"
TESTING = ROOT / "docs" / "testing-with-watchcache.md"
_METRIC = re.compile(r"(?:apiserver|watchcache|kubernetes|process)_[a-z_]+")


def get(server: TestServer, path: str) -> str:
    """The body of a GET as the administrator."""
    request = urllib.request.Request(
        f"{server.url}{path}", headers={"Authorization": f"Bearer {server.token}"}
    )
    context = ssl.create_default_context(cafile=str(server.ca_file))
    with urllib.request.urlopen(request, context=context, timeout=10) as response:
        return response.read().decode()


@pytest.fixture(scope="module")
def exposition(tmp_path_factory: pytest.TempPathFactory) -> str:
    """All metrics there are: those of a server of several processes have the others among them."""
    with TestServer(tmp_path_factory.mktemp("metrics"), workers=1) as server:
        return get(server, "/metrics")


def absent() -> set[str]:
    """The metrics of kube-apiserver that a page says a server on files does not have."""
    rows = table(OPERATIONS, "### Metrics that are not there")
    return {found for row in rows for found in row[0].split(", ")}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_metrics_exist(page: Path, exposition: str):
    """Every metric that a page names is in the exposition of a server."""
    stated = {text for text in code(page) if _METRIC.fullmatch(text)} - {
        "watchcache_server",
        "watchcache_session_server",
        *absent(),
    }
    assert stated - set(re.findall(r"^# TYPE (\S+)", exposition, re.MULTILINE)) == set()


def test_metrics_that_are_not_there_are_not_there(exposition: str):
    """Nothing in the table of what is missing has come to be there."""
    assert {"watch_cache_capacity", "kubernetes_feature_enabled"} <= absent()
    assert absent() & set(re.findall(r"^# TYPE (\S+)", exposition, re.MULTILINE)) == set()


def test_every_metric_of_ours_is_described(exposition: str):
    """What only this server has is in the table of metrics."""
    ours = set(re.findall(r"^# TYPE ((?:watchcache|apiserver)_\S+)", exposition, re.MULTILINE))
    assert ours - set(code(OPERATIONS)) == set()


def test_health_checks_are_those_of_the_server(watchcache_session_server: TestServer):
    """The table of health checks is what ?verbose lists, for each endpoint."""
    rows = table(OPERATIONS, "## Health")
    for column, endpoint in enumerate(("livez", "readyz", "healthz"), 1):
        listed = re.findall(
            r"^\[\+\](\S+) ok$", get(watchcache_session_server, f"/{endpoint}?verbose"), re.MULTILINE
        )
        assert {row[0] for row in rows if row[column] == "yes"} == set(listed)


def test_the_table_of_gaps_is_made_from_the_list():
    """docs/compatibility.md is what its script writes now."""
    script = runpy.run_path(str(ROOT / "scripts" / "build_gaps_table.py"))
    assert (ROOT / "docs" / "compatibility.md").read_text() == script["page"]()


def test_what_tests_are_given_exists(watchcache_session_server: TestServer):
    """Fixtures and attributes in the page about testing are those of the plugin and of TestServer."""
    assert all(hasattr(plugin, row[0]) for row in table(TESTING, "## pytest"))
    attributes = re.findall(
        r"^\| (`.*?`) \|", TESTING.read_text().split("Both give a `TestServer`", 1)[1], re.MULTILINE
    )
    names = {found for cell in attributes for found in re.findall(r"`(\w+)(?:\(\))?`", cell)}
    assert {"url", "kubeconfig", "reset"} <= names
    assert {each for each in names if not hasattr(watchcache_session_server, each)} == set()


def test_settings_in_the_page_about_testing_exist():
    """Keyword arguments shown for TestServer are settings."""
    shown = re.findall(r"TestServer\(directory, ([^)]*)\)", TESTING.read_text())
    assert shown
    assert all(
        hasattr(Settings(), argument.split("=")[0].strip()) for line in shown for argument in line.split(",")
    )


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_python_snippets_compile(page: Path):
    """Python in the pages is Python."""
    for snippet in blocks(page, "python"):
        compile(snippet, name(page), "exec")
