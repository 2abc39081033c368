"""The status codes of gRPC (grpc.io/docs/guides/status-codes)."""

from enum import IntEnum


class Code(IntEnum):
    """How a call ended."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


_BY_TEXT = {str(int(code)): code for code in Code}


def code_of(text: str) -> Code:
    """The code that a `grpc-status` states."""
    return _BY_TEXT.get(text, Code.UNKNOWN)
