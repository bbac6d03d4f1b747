"""Where bytes lie. The store in use is Django's default storage; `base` says what it promises."""

from typing import cast

from django.core.files.storage import default_storage

from processing.storage.base import Store


def store() -> Store:
    return cast(Store, default_storage)
