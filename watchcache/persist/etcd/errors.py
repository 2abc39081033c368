"""What etcd and gRPC say when something fails, as the log's errors: one line each that names the endpoint and what to do.

What matters most about a failed write is whether it can have happened. A call that never found a connection was not sent, and etcd refuses
some before it proposes them; after anything else the write may be there, or come yet.
"""

from __future__ import annotations

from watchcache.log import (
    JournalError,
    JournalFull,
    JournalReplaced,
    JournalUnavailable,
    OneKeyOnly,
    ValueTooLarge,
)
from watchcache.persist.etcd.codes import Code

# Texts of etcd (api/v3/v3rpc/rpctypes/error.go) by which errors of one code are told apart.
_COMPACTED = "required revision has been compacted"
_NO_SPACE = "database space exceeded"
_TOO_LARGE = ("request is too large", "larger than max", "trying to send message larger")
_NOT_PROPOSED = (
    "etcdserver: no leader",
    "etcdserver: too many requests",
    "etcdserver: not capable",
    "rpc not supported for learner",
)
_BAD_TOKEN = ("invalid auth token", "auth: revision in header is old")
_ONE_KEY = "unsupported operations in txn"  # kine's
_CUT_OFF = "UNEXPECTED_EOF"  # also of a member that ends at just this moment
_HANDSHAKE = ("handshake failed", "CERTIFICATE_VERIFY_FAILED", "SSL_ERROR", "[SSL", "certificate required")


class EtcdUnusable(JournalError):
    """The etcd cannot be used as it is set up: credentials, certificates, version, or what lies under the prefix."""


class EtcdReplaced(JournalReplaced):
    """What answers now is not the etcd that this server knows: another cluster, or a backup from before."""


class Problem(Exception):
    """A call that failed: the status of gRPC, in etcd's words, the endpoint that said it; whether the call never left here."""

    def __init__(self, code: Code, text: str, endpoint: str, *, not_sent: bool = False) -> None:
        super().__init__(code, text, endpoint)
        self.not_sent = not_sent
        self.code = code
        self.text = text
        self.endpoint = endpoint

    def __str__(self) -> str:
        return f"{self.endpoint}: {self.text or self.code.name}"

    @property
    def without_effect(self) -> bool:
        """Whether a write that ended so was certainly not kept."""
        if _NO_SPACE in self.text:
            return False  # etcd looks once more when it applies a write: that one it keeps, and says this all the same
        certain = (
            Code.INVALID_ARGUMENT,
            Code.RESOURCE_EXHAUSTED,
            Code.PERMISSION_DENIED,
            Code.UNAUTHENTICATED,
            Code.UNIMPLEMENTED,
        )
        return self.not_sent or self.code in certain or any(text in self.text for text in _NOT_PROPOSED)

    @property
    def passing(self) -> bool:
        """Whether another member, or the same a moment later, may well answer."""
        return self.code in {
            Code.UNAVAILABLE,
            Code.DEADLINE_EXCEEDED,
            Code.CANCELLED,
            Code.UNKNOWN,
            Code.INTERNAL,
        }

    @property
    def refused(self) -> bool:
        """Whether etcd does not let the user do it."""
        return self.code in {Code.PERMISSION_DENIED, Code.UNAUTHENTICATED} or (
            self.code is Code.INVALID_ARGUMENT and ("auth" in self.text or "user name" in self.text)
        )

    @property
    def compacted(self) -> bool:
        """Whether the revision asked for is no longer there."""
        return self.code is Code.OUT_OF_RANGE and _COMPACTED in self.text

    @property
    def token_refused(self) -> bool:
        """Whether the token of the login has to be renewed."""
        return any(text in self.text for text in _BAD_TOKEN)

    @property
    def handshake(self) -> bool:
        """Whether TLS did not come about; trying again changes nothing."""
        return any(text in self.text for text in _HANDSHAKE) and _CUT_OFF not in self.text


def journal_error(problem: Problem) -> JournalError:
    """The log's error for a problem."""
    text = str(problem)
    if _NO_SPACE in problem.text:
        return JournalFull(
            f"etcd has no space left ({text}); compact and defragment it, then disarm its alarm"
        )
    if any(part in problem.text for part in _TOO_LARGE):
        return ValueTooLarge(f"the object is too large for etcd ({text}); see its --max-request-bytes")
    if _ONE_KEY in problem.text:
        return OneKeyOnly(f"what stands in for etcd takes one key at a time ({text})")
    if problem.refused:
        return EtcdUnusable(f"etcd refuses the user ({text}); see --watchcache-etcd-credentials-file")
    if problem.handshake:
        return EtcdUnusable(
            f"TLS with etcd failed ({text}); see --etcd-cafile, --etcd-certfile and --etcd-keyfile"
        )
    return JournalUnavailable(f"etcd does not answer ({text})")
