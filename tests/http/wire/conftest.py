"""HTTP/2 has two framings behind one seam; the tests that ask for `framing` run over both."""

from __future__ import annotations

import pytest

from . import scene


@pytest.fixture(params=["own", "h2"])
def framing(request, monkeypatch):
    """The framing that scenes are served with."""
    monkeypatch.setattr(scene, "FRAMING", request.param)
    return request.param
