"""The help of `watchcache serve`: what is honoured, by section, with defaults; the rest on request."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator

from watchcache.cli.flags import BY_NAME, HONOURED, known, shown_default
from watchcache.cli.values import boolean
from watchcache.settings import Settings

INTRODUCTION = """\
Serve the Kubernetes API over TLS. The first start makes a CA, certificates and an administrator's kubeconfig, and
prints where it listens and the `export KUBECONFIG=...` line to use; writes go to a journal in the data directory.

  watchcache serve                                    on 127.0.0.1:6443, data in the user's state directory
  watchcache serve --secure-port=0 --storage-backend=memory    a throw-away server on a free port
"""
CLOSING = """\
Every flag can also be set as WATCHCACHE_<NAME> in the environment, or in a file given with --config:

  apiVersion: watchcache.dev/v1alpha1
  kind: ServerConfiguration
  flags: {secure-port: 6443, storage-backend: file}

--write-config-to=FILE writes that file from the other flags and ends. The other %d flags of kube-apiserver are
accepted, so that an existing argument list starts, and named in a warning: --help-all lists them.
"""


def serve_help(*, everything: bool = False) -> str:
    """The whole text, wrapped to the terminal."""
    width = min(shutil.get_terminal_size((110, 24)).columns, 120)
    parts = [
        INTRODUCTION,
        *flag_lines(width),
        "",
        CLOSING % (len(known()) - len(set(known()) & set(BY_NAME))),
    ]
    if everything:
        parts += [
            "Accepted without effect:",
            textwrap.fill(
                "  " + " ".join(f"--{name}" for name in known() if name not in BY_NAME),
                width,
                subsequent_indent="  ",
            ),
        ]
    return "\n".join(parts) + "\n"


def flag_lines(width: int) -> Iterator[str]:
    """The honoured flags, a heading before each section."""
    defaults = Settings()
    section = ""
    for flag in HONOURED:
        if flag.section != section:
            section = flag.section
            yield f"\n{section}:"
        default = shown_default(flag, defaults)
        takes = "" if flag.parse is boolean else f" {'|'.join(flag.choices) or 'VALUE'}"
        dashes = "-" if len(flag.name) == 1 else "--"
        note = f" (default {default})" if default and default != "false" else ""
        yield f"  {dashes}{flag.name}{takes}"
        yield textwrap.fill(flag.help + note, width, initial_indent="        ", subsequent_indent="        ")
