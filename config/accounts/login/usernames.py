"""Normalises typed names, and finds their users."""

import unicodedata

from django.contrib.auth.models import User
from django.db.models import Q


def normalised(name: str) -> str:
    """Returns the form of a name for comparison, without full-width letters, capitals and surrounding spaces."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()


def find_user(name: str) -> User | None:
    """Returns the user of exactly this name, else the only user with the same normalised name, else None.

    Makes one query whether or not the user exists, so that its duration discloses nothing. The database returns candidates
    (PostgreSQL also equates the dotless Turkish i with i). The candidates are compared here, by the same rule that counts
    attempts.
    """
    plain = unicodedata.normalize("NFKC", name).strip()
    spellings = {name, plain, plain.lower(), plain.casefold(), normalised(name)}
    is_similar = Q(username__in=spellings) | Q(username__iexact=plain)
    users = [user for user in User.objects.filter(is_similar) if normalised(user.username) == normalised(name)]
    for spelling in (name, plain):
        for user in users:
            if user.username == spelling:
                return user
    return users[0] if len(users) == 1 else None
