"""Operations end within their request, also on a busy machine."""

import pytest

from albums.operations import engine


@pytest.fixture(autouse=True)
def patient_requests(monkeypatch) -> None:
    monkeypatch.setattr(engine, "REQUEST_SECONDS", 600.0)
