"""A log on an etcd cluster that several servers, kube-apiservers among them, share.

`EtcdLog` does what `watchcache.log.EventLog` asks. It is a door of its own, because importing it imports protobuf.
`rpc.proto` holds what is used of etcd's API; `scripts/build_etcd_messages.py` compiles it.
"""

from watchcache.persist.etcd.archive import Archive
from watchcache.persist.etcd.endpoints import Cluster
from watchcache.persist.etcd.errors import EtcdReplaced, EtcdUnusable
from watchcache.persist.etcd.figures import EtcdStats, Figures
from watchcache.persist.etcd.log import EtcdLog, Options
from watchcache.persist.etcd.moving import Place, read_etcd, write_etcd
from watchcache.persist.etcd.state import Form

__all__ = [
    "Archive",
    "Cluster",
    "EtcdLog",
    "EtcdReplaced",
    "EtcdStats",
    "EtcdUnusable",
    "Figures",
    "Form",
    "Options",
    "Place",
    "read_etcd",
    "write_etcd",
]
