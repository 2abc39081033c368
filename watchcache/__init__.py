"""Watchcache: a Kubernetes-compatible API server built around an ordered event log and a watch cache.

Start reading at `docs/reading-the-source.md`; the layers are, from the bottom: `log` (one revision order),
`persist` (what makes it last), `cacher` (state and history in memory, fanned out as bytes), `api` (Kubernetes'
kinds and rules as pure functions), `registry` (the life cycle of an object), `http` (the wire) and `server`.
"""

__version__ = "0.1.0"
