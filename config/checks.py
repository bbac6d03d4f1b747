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
    "DEBUG shows the inside of the server to whoever can reach it, and HOST is no loopback address.",
    hint="Turn DEBUG off, or set HOST to 127.0.0.1.",
    id="darkroom.E001",
)
SHORT_KEY = Error(
    f"SECRET_KEY is shorter than {MIN_KEY_CHARACTERS} characters: sessions could be forged by guessing it.",
    hint="Leave it empty: a good one is made and kept in DATA_DIR.",
    id="darkroom.E002",
)
NO_ADDRESS = Error(
    "PUBLIC_URL is no address of a site.",
    hint="Write it with its scheme and without a path, as https://photos.example.org.",
    id="darkroom.E003",
)
SMALL_PARTS = Error(
    f"CHUNK_SIZE is smaller than {limits.LEAST >> 10}K: a photo would take thousands of requests.",
    hint="Leave it at 0: what fits is measured.",
    id="darkroom.E004",
)
RUNGS = Error(
    "RENDITION_EDGES, WEBP_QUALITY and WEBP_METHOD make no ladder of sizes.",
    hint="RENDITION_EDGES are different numbers, one at least; the others are one number for all of them, or one for each.",
    id="darkroom.E005",
)
NO_ENDPOINT = Error(
    "S3_ENDPOINT or S3_BROWSER_ENDPOINT is no address of a server.",
    hint="Write it with its scheme and without a path, as https://s3.example.org; empty is AWS.",
    id="darkroom.E006",
)
HALF_A_KEY = Error(
    "Of S3_ACCESS_KEY and S3_SECRET_KEY, one is set and the other is not.",
    hint="Set both; or neither, where the machine has a role of its own.",
    id="darkroom.E007",
)
NO_LINKS = Error(
    "EMAIL_URL is set and PUBLIC_URL is not: links in mails would lead to whatever host a request names.",
    hint="Set PUBLIC_URL to the address people use.",
    id="darkroom.E010",
)
OPEN_DATA = Warning(
    "Other users of this machine can get into DATA_DIR, where photos, sessions and passwords' hashes are.",
    hint="chmod o= it: 0700, or 0710 where a proxy sends files and its user is in the group of DATA_DIR.",
    id="darkroom.W001",
)
READABLE_SECRETS = Warning(
    "The database, the queue or a secret in DATA_DIR can be read by more users than the one that Darkroom runs as.",
    hint="chmod 600 db.sqlite3*, huey.sqlite3* and secret_key. Darkroom does so at each start, if they belong to its user.",
    id="darkroom.W002",
)


@register(Tags.security)
def installation(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    problems = (
        (DEBUG_IN_PUBLIC, settings.DEBUG and not client_address.is_loopback(settings.HOST)),
        (SHORT_KEY, len(settings.SECRET_KEY) < MIN_KEY_CHARACTERS),
        (NO_ADDRESS, bool(settings.PUBLIC_URL) and not _is_site(settings.PUBLIC_URL)),
        (SMALL_PARTS, 0 < settings.CHUNK_BYTES < limits.LEAST),
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
