"""A name that is typed, and the user it means."""

import unicodedata

from django.contrib.auth.models import User
from django.db.models import Q


def normalised(name: str) -> str:
    """The form in which names are compared: full-width letters, capitals and space around them make no other name."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()


def user_called(name: str) -> User | None:
    """The user of exactly that name, else the only one whose name is the same when both are normalised.

    One query, whether or not there is such a user: how long it takes tells nothing. The database finds those that may be meant
    (PostgreSQL also calls the Turkish i without a dot the same as i). They are compared here, by the rule that guesses are
    counted by.
    """
    plain = unicodedata.normalize("NFKC", name).strip()
    spellings = {name, plain, plain.lower(), plain.casefold(), normalised(name)}
    alike = Q(username__in=spellings) | Q(username__iexact=plain)
    found = [user for user in User.objects.filter(alike) if normalised(user.username) == normalised(name)]
    for spelling in (name, plain):
        for user in found:
            if user.username == spelling:
                return user
    return found[0] if len(found) == 1 else None
