"""The command line: `watchcache serve`, `kubeconfig`, `check`, `log` and `version`.

Promises: what is wrong with an invocation is said in one line on standard error, and the exit status is 2; what goes
wrong later is 1. Modules are imported by the command that needs them, because a start has half a second.
"""

from watchcache.cli.main import main

__all__ = ["main"]
