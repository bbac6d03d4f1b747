"""System checks for unsafe or inconsistent settings. They run at every start."""

import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from config import database, file_modes
from config.accounts.login import client_address
from processing.doctor import limits
from processing.rendering import presets

MIN_KEY_CHARACTERS = 32
DEBUG_IN_PUBLIC = Error(
    "DEBUG is on and HOST is not a loopback address, so visitors can see server internals.",
    hint="Turn DEBUG off, or set HOST to 127.0.0.1.",
    id="darkroom.E001",
)
SHORT_KEY = Error(
    f"SECRET_KEY is shorter than {MIN_KEY_CHARACTERS} characters, so it could be guessed to forge sessions.",
    hint="Leave it empty to have one generated in DATA_DIR.",
    id="darkroom.E002",
)
NO_ADDRESS = Error(
    "PUBLIC_URL is not a valid site address.",
    hint="Use the form https://photos.example.org, without a path.",
    id="darkroom.E003",
)
SMALL_PARTS = Error(
    f"CHUNK_SIZE is smaller than {limits.MIN_CHUNK_BYTES >> 10}K, so a photo would need thousands of requests.",
    hint="Set it to 0 to use a measured size.",
    id="darkroom.E004",
)
RUNGS = Error(
    "RENDITION_EDGES, WEBP_QUALITY and WEBP_METHOD don't fit together.",
    hint="Set RENDITION_EDGES to one or more different numbers, and the others to one number, or one per edge.",
    id="darkroom.E005",
)
NO_ENDPOINT = Error(
    "S3_ENDPOINT or S3_BROWSER_ENDPOINT is not a valid server address.",
    hint="Use the form https://s3.example.org, without a path. Leave it empty for AWS.",
    id="darkroom.E006",
)
HALF_A_KEY = Error(
    "Only one of S3_ACCESS_KEY and S3_SECRET_KEY is set.",
    hint="Set both, or neither if the server has its own role.",
    id="darkroom.E007",
)
NO_LINKS = Error(
    "EMAIL_URL is set without PUBLIC_URL, so links in e-mails could lead to any host.",
    hint="Set PUBLIC_URL to the address users open.",
    id="darkroom.E010",
)
OPEN_DATA = Warning(
    "Other users of this machine can access DATA_DIR, with photos, sessions and password hashes.",
    hint="Set its mode to 0700, or to 0710 if a proxy in its group sends files.",
    id="darkroom.W001",
)
READABLE_SECRETS = Warning(
    "Other users can read the database, the queue or a secret in DATA_DIR.",
    hint="Run chmod 600 on db.sqlite3*, huey.sqlite3* and secret_key. Darkroom does so at start for files of its user.",
    id="darkroom.W002",
)


@register(Tags.security)
def installation(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    problems = (
        (DEBUG_IN_PUBLIC, settings.DEBUG and not client_address.is_loopback(settings.HOST)),
        (SHORT_KEY, len(settings.SECRET_KEY) < MIN_KEY_CHARACTERS),
        (NO_ADDRESS, bool(settings.PUBLIC_URL) and not _is_site(settings.PUBLIC_URL)),
        (SMALL_PARTS, 0 < settings.CHUNK_BYTES < limits.MIN_CHUNK_BYTES),
        (RUNGS, not presets.is_ladder()),
        (
            NO_ENDPOINT,
            any(url and not _is_site(url) for url in (settings.S3_ENDPOINT, settings.S3_BROWSER_ENDPOINT)),
        ),
        (HALF_A_KEY, bool(settings.S3_ACCESS_KEY) != bool(settings.S3_SECRET_KEY)),
        (NO_LINKS, bool(settings.EMAIL_URL) and not settings.PUBLIC_URL),
        (OPEN_DATA, bool(Path(settings.DATA_DIR).stat().st_mode & stat.S_IRWXO)),
        (
            READABLE_SECRETS,
            bool(file_modes.readable(Path(settings.DATA_DIR), *database.files(settings.DATABASES["default"]))),
        ),
    )
    return [message for message, applies in problems if applies]


def _is_site(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.path or parts.query)
