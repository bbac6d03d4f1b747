from dataclasses import replace
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from processing.storage.s3 import config as s3_config
from processing.storage.s3 import presign
from processing.storage.s3.config import Connection
from processing.storage.s3.s3_store import S3Store

HOUR = 3600
AWS = Connection("photos", region="eu-west-1", access_key="key", secret_key="secret")


def query(link: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}


def test_a_rendition_has_the_same_link_for_hours_and_it_is_valid_for_as_many_more(monkeypatch):
    def link_at(now: float) -> str:
        monkeypatch.setattr(presign, "time", SimpleNamespace(time=lambda: now))
        return presign.link(AWS, "renditions/ab/c/800.webp", 6 * HOUR, rounded=True, response_headers={})

    start = 1_800_000_000 // (6 * HOUR) * 6 * HOUR

    assert link_at(start) == link_at(start + 6 * HOUR - 1) != link_at(start + 6 * HOUR)
    assert query(link_at(start))["X-Amz-Expires"] == str(12 * HOUR)


def test_a_download_has_a_link_that_soon_expires(tmp_path):
    link = S3Store(AWS, tmp_path).link("originals/ab/c.jpg", name='Été "1".jpg', content_type="image/jpeg")

    assert query(link)["X-Amz-Expires"] == "300"
    assert query(link)["response-content-type"] == "image/jpeg"
    assert query(link)["response-content-disposition"] == "attachment; filename*=utf-8''%C3%89t%C3%A9%20%221%22.jpg"


@pytest.mark.parametrize(
    ("change", "origin"),
    [
        ({}, "https://photos.s3.eu-west-1.amazonaws.com"),
        ({"addressing": "path"}, "https://s3.eu-west-1.amazonaws.com"),
        ({"endpoint": "http://10.0.0.2:9000"}, "http://10.0.0.2:9000"),
        ({"endpoint": "http://10.0.0.2:9000", "addressing": "virtual", "browser_endpoint": "https://s3.example.org"},
         "https://photos.s3.example.org"),
        ({"endpoint": "http://10.0.0.2:9000", "browser_endpoint": "https://s3.example.org"}, "https://s3.example.org"),
    ],
)  # fmt: skip
def test_a_link_points_to_the_address_at_which_browsers_reach_the_bucket(change, origin):
    connection = replace(AWS, **change)

    assert presign.origin(connection) == origin
    assert presign.link(connection, "x", 60, rounded=False, response_headers={}).startswith(origin)


def test_a_link_contains_the_session_token():
    link = presign.link(replace(AWS, session_token="token"), "x", 60, rounded=False, response_headers={})

    assert query(link)["X-Amz-Security-Token"] == "token"


@pytest.mark.servers
class TestOnTheGateway:
    """Tests with a gateway that checks signatures exactly."""

    @pytest.fixture
    def store(self, rgw, settings, tmp_path):
        for name, value in rgw.new_prefix().items():
            setattr(settings, name, value)
        (tmp_path / "photo").write_bytes(b"photo")
        store = S3Store(s3_config.current(), tmp_path / "store")
        store.send(tmp_path / "photo", "renditions/ab/ü c/800.webp")
        return store

    def test_a_link_is_valid_for_its_object_and_no_other(self, store):
        link = store.link("renditions/ab/ü c/800.webp")

        assert requests.get(link, timeout=60).content == b"photo"
        assert requests.get(link.replace("800.webp", "400.webp"), timeout=60).status_code == 403
        assert requests.put(link, data=b"other", timeout=60).status_code == 403
        assert requests.get(link.split("?")[0], timeout=60).status_code == 403

    def test_a_download_resumes_by_its_link_and_head_requests_have_their_own_link(self, store):
        link, head_link = (
            store.link("renditions/ab/ü c/800.webp", name="x.webp", method=method) for method in ("GET", "HEAD")
        )
        whole = requests.get(link, timeout=60)

        part = requests.get(link, headers={"Range": "bytes=1-3", "If-Range": whole.headers["ETag"]}, timeout=60)
        beyond = requests.get(link, headers={"Range": "bytes=5-"}, timeout=60)
        head = requests.head(head_link, timeout=60)

        assert (part.status_code, part.content, part.headers["Content-Range"]) == (206, b"hot", "bytes 1-3/5")
        assert beyond.status_code == 416
        assert (head.status_code, head.headers["Content-Length"], head.headers["ETag"]) == (
            200,
            "5",
            whole.headers["ETag"],
        )
        assert head.headers["Accept-Ranges"] == "bytes"
        assert requests.head(link, timeout=60).status_code == 403

    def test_a_link_expires(self, store, monkeypatch):
        monkeypatch.setattr(presign, "time", SimpleNamespace(time=lambda: 1_700_000_000.0))

        expired_link = store.link("renditions/ab/ü c/800.webp", name="x.webp")

        assert requests.get(expired_link, timeout=60).status_code == 403

    def test_a_file_with_any_name_is_delivered_as_an_attachment(self, store):
        name = 'Été; "1"\r\nX-Evil: yes.jpg'

        response = requests.get(store.link("renditions/ab/ü c/800.webp", name=name), timeout=60)

        assert response.content == b"photo"
        assert response.headers["Content-Disposition"].startswith("attachment; filename*=utf-8''%C3%89t%C3%A9")
        assert "X-Evil" not in response.headers
