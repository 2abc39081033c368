"""`--anonymous-auth`: who brings no credentials is let in as `system:anonymous`."""

from __future__ import annotations

from watchcache.api.user import ANONYMOUS, UserInfo
from watchcache.auth.authenticator import Credentials
from watchcache.auth.tokens import bearer_token


class AnonymousAuthenticator:
    """Recognises that there is nothing to recognise; asked last, after those that know users."""

    def authenticate(self, credentials: Credentials) -> UserInfo | None:
        """Nobody's user; None for a bearer token, which is good or refused and never overlooked."""
        return None if bearer_token(credentials.authorization) else ANONYMOUS
