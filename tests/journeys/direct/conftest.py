"""A bucket for all tests of this folder. Its server checks no signature; that of tests/browser/uploading/test_direct.py does."""

from collections.abc import Iterator

import pytest
from django.test import Client

from processing.storage.s3 import config as bucket_connection
from processing.storage.s3.config import Connection
from tests.journeys.direct.companion import Companion


@pytest.fixture
def signed_in(owner) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(owner)
    return client


@pytest.fixture(scope="package")
def shared_bucket(moto) -> dict[str, str]:
    """One bucket for all tests of this folder: a new one needs new clients, which take longer than the tests."""
    return moto.new_bucket()


@pytest.fixture
def bucket(moto, shared_bucket, settings) -> Iterator[Connection]:
    for name, value in (shared_bucket | {"S3_PREFIX": ""}).items():
        setattr(settings, name, value)
    yield bucket_connection.from_environment()
    moto.empty(shared_bucket["S3_BUCKET"])


@pytest.fixture
def companion(signed_in, album, owner, bucket) -> Companion:
    return Companion(signed_in, album, owner)
