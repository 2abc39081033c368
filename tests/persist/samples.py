"""Values as the API writes them, and a stamp that does what the codec's does."""

PREFIX = b'{"metadata":{"resourceVersion":"'


def stamp(value: bytes, revision: int) -> bytes:
    """Put a revision in."""
    return PREFIX + str(revision).encode() + value[value.index(b'"', len(PREFIX)) :]


def value(text: str = "") -> bytes:
    """An unstamped value."""
    return PREFIX + b'"},"data":"' + text.encode() + b'"}'
