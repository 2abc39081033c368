"""`/version`: which Kubernetes this server answers as.

kubectl and client-go read major, minor and gitVersion; the build metadata after `+` names us without changing how versions compare.
"""

from __future__ import annotations

import platform
import sys

import watchcache

KUBERNETES = "1.36.3"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def version_document() -> dict[str, str]:
    """The fields of kube-apiserver's answer, in its order. `goVersion` and `compiler` say honestly what runs here."""
    major, minor, _ = KUBERNETES.split(".")
    return {
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": str(int(minor) - 1),
        "gitVersion": f"v{KUBERNETES}+watchcache.{watchcache.__version__}",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": f"python{platform.python_version()}",
        "compiler": platform.python_implementation().lower(),
        "platform": f"{sys.platform}/{_MACHINES.get(platform.machine(), platform.machine())}",
    }
