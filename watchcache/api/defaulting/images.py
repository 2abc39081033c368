"""When an image is pulled where nobody says: one that may have become another one always, one with a version when it is not there.

A text that is no reference to an image counts as one with a version, because that is what kube-apiserver makes of a failed parse.
Source: github.com/distribution/reference (grammar and normalization); measured on kube-apiserver 1.36.3.
"""

from __future__ import annotations

import re
from typing import Final

_LABEL: Final = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN: Final = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PART: Final = "[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*"
_IMAGE: Final = re.compile(
    rf"(?:(?P<domain>{_DOMAIN})/)?(?P<path>{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?"
    r"(?P<digest>@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?",
    re.ASCII,
)
_IDENTIFIER: Final = re.compile("[a-f0-9]{64}")
_LONGEST_NAME: Final = 255


def pull_policy(image: str) -> str:
    """Always for `latest` and for neither tag nor digest, else IfNotPresent."""
    found = _IMAGE.fullmatch(image)
    if found is None or len(found["path"]) > _LONGEST_NAME or _IDENTIFIER.fullmatch(image):
        return "IfNotPresent"
    tag = found["tag"] or ("" if found["digest"] else "latest")
    return "Always" if tag == "latest" else "IfNotPresent"
