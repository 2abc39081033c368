"""What a start does not do, so that it takes a quarter of a second: counted in modules, because time depends on the machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
# Each takes 8 to 300 ms to import, and is for what comes after the start, or for those who ask for it.
HEAVY = {
    "httpcore",
    "watchcache.admission.webhooks",
    "watchcache.webhooks",
    "cel_expr_python",
    "quart",
    "hypercorn",
    "h2",
    "yaml",
    "prometheus_client",
    "jinja2",
    "asyncio",
    "werkzeug",
    "zipfile",
}
MOST = 750  # modules of a start, with the standard library's; 717 when this was written


def modules_of_a_start(directory: Path) -> set[str]:
    """What a first start on a file journal has imported when it says that it serves."""
    command = [sys.executable, "-X", "importtime", "-m", "watchcache", "serve", "--secure-port=0"]
    command += ["--cert-dir", str(directory / "pki"), "--watchcache-data-dir", str(directory / "data")]
    log = directory / "imports"
    with log.open("wb") as stderr:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, cwd=ROOT)
        assert process.stdout is not None
        with process.stdout as output:
            announced = output.readline()
            text = log.read_text()
            process.kill()
            process.wait(10)
    assert b" serving https://" in announced
    return {line.rsplit("|", 1)[1].strip() for line in text.splitlines() if line.startswith("import time:")}


def test_a_start_leaves_heavy_modules_alone(tmp_path: Path) -> None:
    """The libraries for pages, other hosts, YAML and metrics are imported when somebody needs them."""
    imported = modules_of_a_start(tmp_path)
    assert imported >= {"trio", "watchcache.server", "ssl"}, "the list of imports was not understood"
    assert imported & HEAVY == set()
    assert len(imported) < MOST
