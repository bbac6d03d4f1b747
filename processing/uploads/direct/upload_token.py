"""Signed tokens in the URLs of one user's uploads to one album, for clients that cannot send a CSRF token."""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core import signing

from albums.models import Album

SALT = "darkroom.direct"


def issue(user: AbstractBaseUser | AnonymousUser, album: Album) -> str:
    """Returns the token of this user and album. The token never expires, but grants nothing unless the user is signed in too."""
    return signing.Signer(salt=SALT, sep=".").sign(_subject(user, album.pk))


def is_valid(token: str, user: AbstractBaseUser | AnonymousUser, album: int) -> bool:
    try:
        return signing.Signer(salt=SALT, sep=".").unsign(token) == _subject(user, album)
    except signing.BadSignature:
        return False


def _subject(user: AbstractBaseUser | AnonymousUser, album: int) -> str:
    return f"{user.pk}-{album}"
