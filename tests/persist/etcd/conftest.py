"""An etcd for each test."""

import pytest

from tests import etcds


@pytest.fixture(params=etcds.BOTH)
def etcd(tmp_path, request):
    """A fresh etcd, running, of each version that is supported."""
    member = etcds.Etcd(tmp_path / "etcd", program=request.param()).start()
    yield member
    member.stop()
