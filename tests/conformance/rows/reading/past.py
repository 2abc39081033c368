"""A namespace with a history, for tests of watches."""

from __future__ import annotations

from .remote import Remote


class Past:
    """ConfigMaps with a history: `b` and `a` made, `b` changed twice, `gone` made and deleted."""

    def __init__(self, remote: Remote, maps: str) -> None:
        self.maps = maps
        self.watch = f"{maps}?watch=1&timeoutSeconds=1"
        self.start = remote.get(maps).revision
        self.made_b = remote.create(maps, "b", {"app": "x"})
        self.made_a = remote.create(maps, "a", {"app": "y"})
        self.left = remote.merge(f"{maps}/b", {"metadata": {"labels": {"app": "y"}}})
        self.back = remote.merge(f"{maps}/b", {"metadata": {"labels": {"app": "x"}}})
        self.made_gone = remote.create(maps, "gone", {"app": "x"})
        remote.delete(f"{maps}/gone")
        self.now = remote.get(maps).revision
        self.state = [("ADDED", "a", self.made_a), ("ADDED", "b", self.back)]
        self.events = [
            ("ADDED", "b", self.made_b),
            ("ADDED", "a", self.made_a),
            ("MODIFIED", "b", self.left),
            ("MODIFIED", "b", self.back),
            ("ADDED", "gone", self.made_gone),
            ("DELETED", "gone", self.now),
        ]
