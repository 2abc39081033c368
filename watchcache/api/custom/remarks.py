"""What is said of a definition that can be stored, but not served in every respect."""

from __future__ import annotations

from watchcache.api.custom.rules import unsupported_rules
from watchcache.api.custom.shape import unknown_formats
from watchcache.api.custom.structural import Document


def warnings_of(definition: Document) -> list[str]:
    """The texts of the warnings to its writer."""
    spec = definition.get("spec") or {}
    found: list[str] = []
    for version in spec.get("versions") or ():
        schema = (version.get("schema") or {}).get("openAPIV3Schema") or {}
        found += [f'unrecognized format "{name}"' for name in unknown_formats(schema)]
        found += [f"spec.versions[{version['name']}].{text}" for text in unsupported_rules(schema)]
    return found
