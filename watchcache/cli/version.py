"""`watchcache version`."""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Sequence

from watchcache import __version__
from watchcache.cli.parser import parser


def version(arguments: Sequence[str]) -> int:
    """Print the version, for people or as JSON."""
    options = parser("version", "Print the version.")
    options.add_argument("-o", "--output", choices=("text", "json"), default="text", help="how to print it")
    chosen: argparse.Namespace = options.parse_args(arguments)
    if chosen.output == "json":
        document = {
            "watchcache": __version__,
            "kubernetes": "v1.36",
            "python": platform.python_version(),
            "platform": platform.platform(),
        }
        print(json.dumps(document, indent=2))
    else:
        print(f"watchcache {__version__} (Kubernetes API v1.36, Python {platform.python_version()})")
    return 0
