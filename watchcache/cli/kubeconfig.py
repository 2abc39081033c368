"""`watchcache kubeconfig`: a kubeconfig for another user of a server on this machine."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Sequence
from pathlib import Path

from watchcache import pki
from watchcache.cli.parser import parser
from watchcache.cli.values import duration
from watchcache.kubeconfig import kubeconfig as make
from watchcache.kubeconfig import render, write_kubeconfig
from watchcache.settings import Settings, SettingsProblem


def kubeconfig(arguments: Sequence[str]) -> int:
    """Issue a client certificate from the server's CA and print (or write) a kubeconfig with it."""
    options = parser("kubeconfig", "Print a kubeconfig with a new client certificate from the server's CA.")
    options.add_argument("--user", default="kubernetes-admin", help="the user's name (the certificate's CN)")
    options.add_argument(
        "--group", action="append", default=[], help="a group of the user (O); may be repeated"
    )
    options.add_argument("--ttl", default="8760h", help="how long the certificate is valid")
    options.add_argument("--server", default="https://127.0.0.1:6443", help="the server's URL")
    options.add_argument("--cert-dir", type=Path, default=Settings().cert_dir, help="the server's --cert-dir")
    options.add_argument("--output", "-o", type=Path, help="write it here (mode 0600) instead of printing it")
    chosen = options.parse_args(arguments)
    try:
        lifetime = dt.timedelta(seconds=duration(chosen.ttl))
    except ValueError as problem:
        raise SettingsProblem(f"--ttl: {problem}") from None
    if not (chosen.cert_dir / "ca.key").exists():
        raise SettingsProblem(
            f"{chosen.cert_dir} holds no CA; start the server once, or name its directory with --cert-dir"
        )
    try:
        authority = pki.Authority(chosen.cert_dir)
        certificate, key = authority.issue(chosen.user, organizations=chosen.group, lifetime=lifetime)
        config = make(
            chosen.server, ca=authority.files.certificate.read_bytes(), certificate=certificate, key=key
        )
        if chosen.output:
            write_kubeconfig(chosen.output, config)
        else:
            sys.stdout.write(render(config).decode())
    except (pki.CertificateProblem, OSError) as problem:
        raise SettingsProblem(str(problem)) from None
    return 0
