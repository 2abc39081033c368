"""A kube-apiserver beside ours, on the same etcd and prefix, in JSON."""

from __future__ import annotations

from pathlib import Path

from .servers import COMPACTION, EVENTS_LIVE, ServerProcess


class ApiserverProcess(ServerProcess):
    """One kube-apiserver. It takes the CA, the certificate and the tokens that one of ours has made, which is to be started first."""

    start_seconds = 120.0

    def __init__(self, number: int, directory: Path, etcd: list[str], binary: str) -> None:
        super().__init__(number, directory, etcd)
        self._binary = binary

    def command(self) -> list[str]:
        """What the process is started with. Without a reconciler of endpoints, which takes no address of the loopback."""
        certificate, key = self.pki / "apiserver.crt", self.pki / "apiserver.key"
        return [
            self._binary,
            "--storage-media-type=application/json",
            f"--etcd-servers={','.join(self.etcd)}",
            f"--etcd-compaction-interval={COMPACTION}",
            f"--event-ttl={EVENTS_LIVE}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.port}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
            f"--token-auth-file={self.tokens}",
            "--authorization-mode=AlwaysAllow",
            "--disable-admission-plugins=ServiceAccount",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={certificate}",
            f"--service-account-signing-key-file={key}",
            "--endpoint-reconciler-type=none",
        ]
