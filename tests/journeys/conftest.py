"""Fixtures for the journeys through HTTP."""

import pytest
from django.test import Client


@pytest.fixture
def signed_in(owner) -> Client:
    client = Client()
    client.force_login(owner)
    return client
