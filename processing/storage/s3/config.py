"""Which bucket, where, and with which keys. The environment wins over what was saved on a page."""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings

AWS = ".amazonaws.com"


@dataclass(frozen=True, slots=True)
class Connection:
    """Without an endpoint it is AWS's own; without keys, boto3 looks for them as it does everywhere (a role, say)."""

    bucket: str
    endpoint: str = ""
    region: str = "us-east-1"
    prefix: str = ""
    """Ends with a slash, unless it is empty."""
    access_key: str = ""
    secret_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    addressing: str = "auto"
    browser_endpoint: str = ""
    """As browsers reach it, where that is not as the server does."""
    is_fenced: bool = False
    """It may lead nowhere inside the server's own network: a person typed it on a page."""

    def name(self, key: str) -> str:
        """The object's name in the bucket, of a key without its place."""
        return self.prefix + key

    def key(self, name: str) -> str:
        return name.removeprefix(self.prefix)

    @property
    def style(self) -> str:
        """Other servers than AWS seldom have a host name for each bucket."""
        if self.addressing != "auto":
            return self.addressing
        return "path" if self.endpoint and AWS not in self.endpoint else "virtual"


def current() -> Connection | None:
    return from_environment() if settings.S3_BUCKET else saved()


def from_environment() -> Connection:
    return Connection(
        bucket=settings.S3_BUCKET,
        endpoint=settings.S3_ENDPOINT,
        region=settings.S3_REGION,
        prefix=settled(settings.S3_PREFIX),
        access_key=settings.S3_ACCESS_KEY,
        secret_key=settings.S3_SECRET_KEY,
        session_token=settings.S3_SESSION_TOKEN,
        addressing=settings.S3_ADDRESSING,
        browser_endpoint=settings.S3_BROWSER_ENDPOINT,
    )


def settled(prefix: str) -> str:
    """A prefix as it is put before names: `photos` and `/photos/` are `photos/`."""
    bare = prefix.strip("/")
    return f"{bare}/" if bare else ""


def _nothing() -> None:
    return None


saved: Callable[[], Connection | None] = _nothing
"""What was saved on a page, if that is how it was set up. Asked for every new file, so whoever puts it here remembers it."""
