"""What holds for all tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import etcds

# Timings never decide a test: a busy machine must not fail one.
settings.register_profile("watchcache", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("watchcache")


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[etcds.Etcd]:
    """A fresh etcd."""
    if etcds.binary() is None:
        pytest.skip("no etcd")
    running = etcds.Etcd(tmp_path / "etcd").start()
    yield running
    running.stop()
