"""Whether the etcd that answers is the one that a log stands on, as each answer shows it. Pure.

Revisions only rise: a linearizable read that was asked, or a write that was sent, when a revision had been seen, is answered at no lower one (a write
at a higher). So an etcd that was set up anew or restored from a backup under a running server is noticed by the first answer from before, and that
answer is not passed on: the write would be acknowledged in an order that is no longer the one which clients were told. What answers show
no more, because revisions have passed since, the next watch shows (`lineage`).
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from watchcache.persist.etcd import rpc_pb2 as rpc


class Identity:
    """cluster: the id, 0 while it is not known. floor: the newest revision that was seen."""

    def __init__(self) -> None:
        self.cluster = 0
        self.floor: Callable[[], int] = lambda: 0
        self.stranger = ""  # why what answers is another etcd
        self.noticed = trio.Event()

    def check(self, header: rpc.Header, floor: int, *, wrote: bool) -> str:
        """Why an answer is another etcd's, "" when it may be ours. floor: as it was when the call was sent."""
        if not (self.cluster and header.cluster_id):
            return ""  # kine has no ids
        found = ""
        if header.cluster_id != self.cluster:
            found = other_cluster(header.cluster_id, self.cluster)
        elif header.revision < floor + wrote:
            found = stepped_back(header.revision, floor)
        if found and not self.stranger:
            self.stranger = found
            self.noticed.set()
        return found


def other_cluster(found: int, known: int) -> str:
    """The line for another cluster's id."""
    return f"another etcd answers: its cluster id is {found:x}, that of our data {known:x}"


def stepped_back(found: int, known: int) -> str:
    """The line for a revision that is lower than one that was seen."""
    return f"etcd is at revision {found}, but was at {known}: it was restored from a backup"
