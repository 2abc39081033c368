"""A Kubernetes API server for anyone's tests: the pytest fixture `watchcache_server`, and `TestServer` for other runners.

Promises: a server answers within a few hundred milliseconds, on a free port of the loopback interface, keeps nothing on
disk but its certificates in a temporary directory, and leaves no thread behind.
"""
