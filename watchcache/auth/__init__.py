"""Who is asking, and whether they may.

An `Authenticator` turns the credentials of a request (a client certificate that TLS has verified, an
Authorization header) into a user, says that it knows nothing about them, or rejects them. An
`Authorizer` says whether a user may do something; `access_of` makes those that an operator names, and `Access.followers` have to be
told of the objects that they go by. Both answer at once: what needs the network or a
file is cached, so that a read is served without waiting.
"""

from watchcache.auth.access import MODES, Access, Follower, access_of
from watchcache.auth.accounts import AccountAuthenticator, Find, Trust
from watchcache.auth.anonymous import AnonymousAuthenticator
from watchcache.auth.authenticator import (
    ANONYMOUS,
    Authenticator,
    Credentials,
    Recognized,
    Rejected,
    TokenReviewer,
    Union,
    reviewed,
)
from watchcache.auth.authorizer import (
    MASTERS,
    AlwaysAllow,
    AlwaysDeny,
    Attributes,
    Authorizer,
    Authorizers,
    Decision,
    Enumerated,
    aggregate,
)
from watchcache.auth.certificates import CertificateAuthenticator
from watchcache.auth.jwt import Signer, Verifier, verifier_of
from watchcache.auth.refusal import check, refusal
from watchcache.auth.tokens import TokenFileAuthenticator, TokenFileError

__all__ = [
    "ANONYMOUS",
    "MASTERS",
    "MODES",
    "Access",
    "AccountAuthenticator",
    "AlwaysAllow",
    "AlwaysDeny",
    "AnonymousAuthenticator",
    "Attributes",
    "Authenticator",
    "Authorizer",
    "Authorizers",
    "CertificateAuthenticator",
    "Credentials",
    "Decision",
    "Enumerated",
    "Find",
    "Follower",
    "Recognized",
    "Rejected",
    "Signer",
    "TokenFileAuthenticator",
    "TokenFileError",
    "TokenReviewer",
    "Trust",
    "Union",
    "Verifier",
    "access_of",
    "aggregate",
    "check",
    "refusal",
    "reviewed",
    "verifier_of",
]
