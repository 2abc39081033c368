"""A process of the harness that is made to fail: ended at once, stopped in its tracks, let go on."""

from __future__ import annotations

import signal
import subprocess


class Child:
    """What a server and a member of etcd have in common; `process` is None while it does not run."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def freeze(self) -> None:
        """Stop it in its tracks, with its connections open."""
        if self.process is not None:
            self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
