"""An etcd for each test."""

import pytest

from tests import etcds


@pytest.fixture
def etcd(tmp_path):
    """A fresh etcd, running."""
    if etcds.binary() is None:
        pytest.skip("no etcd: put one on the PATH, or name it in ETCD")
    member = etcds.Etcd(tmp_path / "etcd").start()
    yield member
    member.stop()
