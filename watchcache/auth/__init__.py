"""Who is asking, and whether they may.

An `Authenticator` turns the credentials of a request (a client certificate that TLS has verified, an
Authorization header) into a user, says that it knows nothing about them, or rejects them. An
`Authorizer` says whether a user may do something. Both answer at once: what needs the network or a
file is cached, so that a read is served without waiting.
"""

from watchcache.auth.anonymous import AnonymousAuthenticator
from watchcache.auth.authenticator import ANONYMOUS, Authenticator, Credentials, Rejected, Union
from watchcache.auth.authorizer import AlwaysAllow, Attributes, Authorizer, Decision
from watchcache.auth.certificates import CertificateAuthenticator
from watchcache.auth.tokens import TokenFileAuthenticator, TokenFileError

__all__ = [
    "ANONYMOUS",
    "AlwaysAllow",
    "AnonymousAuthenticator",
    "Attributes",
    "Authenticator",
    "Authorizer",
    "CertificateAuthenticator",
    "Credentials",
    "Decision",
    "Rejected",
    "TokenFileAuthenticator",
    "TokenFileError",
    "Union",
]
