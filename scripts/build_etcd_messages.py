"""Compile watchcache/persist/etcd/rpc.proto into the modules beside it.

    uv run --no-project --with grpcio-tools==1.66.2 python scripts/build_etcd_messages.py

An old compiler is chosen on purpose: what it writes runs under every protobuf from 5.27 on, newer ones ask for a newer library.
"""

from __future__ import annotations

import sys
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Compile; the status is protoc's."""
    return protoc.main(
        [
            "protoc",
            f"--proto_path={ROOT}",  # from the root: the path names the file in protobuf's pool
            f"--python_out={ROOT}",
            f"--pyi_out={ROOT}",
            "watchcache/persist/etcd/rpc.proto",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
