"""File storage on the disk and in an S3 bucket. The store is Django's default storage; `base` defines its interface."""

from typing import cast

from django.core.files.storage import default_storage

from processing.storage.base import Store


def store() -> Store:
    return cast(Store, default_storage)
