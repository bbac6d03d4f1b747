"""The S3 connection settings. The environment takes precedence over settings saved on the storage page."""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings

AWS = ".amazonaws.com"


@dataclass(frozen=True, slots=True)
class Connection:
    """No endpoint means AWS. Without keys, boto3 uses its usual credential sources (such as a role)."""

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
    """The endpoint for browsers, if it differs from the server's."""
    is_fenced: bool = False
    """Connections into the server's own network are blocked, because a user entered the endpoint on a page."""

    def name(self, key: str) -> str:
        """The object's name in the bucket. The key is without its location."""
        return self.prefix + key

    def key(self, name: str) -> str:
        return name.removeprefix(self.prefix)

    @property
    def style(self) -> str:
        """The addressing style. Servers other than AWS rarely have a host name for each bucket."""
        if self.addressing != "auto":
            return self.addressing
        return "path" if self.endpoint and AWS not in self.endpoint else "virtual"


Source = Callable[[], Connection | None]


def _no_connection() -> None:
    return None


_source: Source = _no_connection


def current() -> Connection | None:
    return from_environment() if settings.S3_BUCKET else _source()


def from_environment() -> Connection:
    return Connection(
        bucket=settings.S3_BUCKET,
        endpoint=settings.S3_ENDPOINT,
        region=settings.S3_REGION,
        prefix=normalised_prefix(settings.S3_PREFIX),
        access_key=settings.S3_ACCESS_KEY,
        secret_key=settings.S3_SECRET_KEY,
        session_token=settings.S3_SESSION_TOKEN,
        addressing=settings.S3_ADDRESSING,
        browser_endpoint=settings.S3_BROWSER_ENDPOINT,
    )


def normalised_prefix(prefix: str) -> str:
    """Returns the normalised prefix: `photos` and `/photos/` become `photos/`."""
    bare = prefix.strip("/")
    return f"{bare}/" if bare else ""


def register_source(source: Source) -> None:
    """Sets the function that returns the connection saved on the storage page, if any.

    The storage knows no models, so `processing.maintenance.bucket_settings` registers it when Django starts. It is called for
    every new file, so it has to cache its result.
    """
    global _source
    _source = source
