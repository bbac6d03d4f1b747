"""A pass: words that nobody can guess, in the path of requests of one person to one album, where no CSRF token can be sent."""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core import signing

from albums.models import Album

SALT = "darkroom.direct"


def make(user: AbstractBaseUser | AnonymousUser, album: Album) -> str:
    """The same for as long as both last: a pass alone opens nothing, its person has to be signed in besides."""
    return signing.Signer(salt=SALT, sep=".").sign(_subject(user, album.pk))


def is_good(told: str, user: AbstractBaseUser | AnonymousUser, album: int) -> bool:
    try:
        return signing.Signer(salt=SALT, sep=".").unsign(told) == _subject(user, album)
    except signing.BadSignature:
        return False


def _subject(user: AbstractBaseUser | AnonymousUser, album: int) -> str:
    return f"{user.pk}-{album}"
