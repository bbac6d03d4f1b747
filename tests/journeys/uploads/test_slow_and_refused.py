"""Bodies that are too slow, not allowed, or too many at once."""

import io
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.test import Client

from processing.models import ProcessingJob, Upload
from processing.models.states import UploadState
from processing.uploads.body import body_timeouts, upload_slots
from tests.journeys.uploads.form_client import multipart
from tests.journeys.uploads.tus_client import OCTETS, VERSION, create, head, patch, path_of
from tests.processing import making

pytestmark = pytest.mark.django_db

JSON = {"Accept": "application/json"}


class Trickle(io.BytesIO):
    """A body that returns a few bytes at each read, and takes a second for it."""

    def __init__(self, content: bytes, count: int, tick: Callable[[], None]) -> None:
        super().__init__(content)
        self._count, self._tick = count, tick

    def read(self, size: int | None = -1) -> bytes:
        self._tick()
        return super().read(self._count if size is None or size < 0 else min(size, self._count))


@pytest.fixture
def tick(monkeypatch) -> Callable[[], None]:
    """Advances the clock that times bodies by one second."""
    now = [0.0]
    monkeypatch.setattr(body_timeouts, "clock", lambda: now[0])

    def move() -> None:
        now[0] += 1

    return move


def send(client: Client, method: str, path: str, body: io.BytesIO, content_type: str, **headers: str):
    """Sends a request with gunicorn's environment, where the main thread discards the rest of a body."""
    socket_of_gunicorn, peer = socket.socketpair()
    environ: dict[str, Any] = {
        "wsgi.input": body,
        "gunicorn.socket": socket_of_gunicorn,
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body.getvalue())),
    }
    with socket_of_gunicorn, peer:
        return client.generic(method, path, content_type=content_type, headers=headers, **environ)


def patch_with(client: Client, path: str, body: io.BytesIO, offset: int = 0, **headers: str):
    return send(client, "PATCH", path, body, OCTETS, **VERSION, **{"Upload-Offset": str(offset)}, **headers)


class TestSlow:
    def test_a_too_slow_upload_is_ended_and_can_be_resumed(self, signed_in, album, tick):
        content = making.jpeg((300, 300)) + bytes(9000)
        path = path_of(create(signed_in, album, len(content)))

        response = patch_with(signed_in, path, Trickle(content, 100, tick))

        assert (response.status_code, response.json()["error"], response["Upload-Offset"]) == (409, "too-slow", "6000")
        assert head(signed_in, path)["Upload-Offset"] == "6000"
        assert patch(signed_in, path, 6000, content[6000:]).status_code == 204
        assert ProcessingJob.objects.count() == 1

    def test_an_upload_above_the_minimum_rate_is_accepted(self, signed_in, album, tick):
        content = bytes(300_000)
        path = path_of(create(signed_in, album, len(content)))

        response = patch_with(signed_in, path, Trickle(content, 1100, tick))

        assert (response.status_code, response.content, response["Upload-Offset"]) == (204, b"", "300000")

    def test_the_minimum_rate_can_be_turned_off(self, signed_in, album, tick, settings):
        settings.MIN_UPLOAD_RATE = 0
        path = path_of(create(signed_in, album, 5000))

        assert patch_with(signed_in, path, Trickle(bytes(5000), 10, tick)).status_code == 204

    def test_a_too_slow_creation_with_upload_keeps_the_received_bytes(self, signed_in, album, tick):
        body = Trickle(bytes(9000), 100, tick)

        response = send(
            signed_in, "POST", f"/albums/{album.pk}/uploads/tus/", body, OCTETS, **VERSION, **{"Upload-Length": "9000"}
        )

        assert (response.status_code, response.json()["error"]) == (409, "too-slow")
        assert Upload.objects.get().state == UploadState.RECEIVING

    def test_a_too_slow_form_is_ended_and_its_complete_files_are_kept(self, signed_in, album, tick):
        complete, unfinished = making.jpeg((16, 16)), bytes(100_000)
        body = multipart(('name="photos"; filename="a.jpg"', complete), ('name="photos"; filename="b.jpg"', unfinished))
        slow = Trickle(body, 900, tick)

        response = send(
            signed_in, "POST", f"/albums/{album.pk}/uploads/", slow, "multipart/form-data; boundary=X", **JSON
        )

        assert (response.status_code, response.json()["error"]) == (400, "too-slow")
        assert ProcessingJob.objects.get().original_filename == "a.jpg"
        assert Upload.objects.get(name="b.jpg").code == "cut-off"

    def test_a_too_slow_manifest_is_rejected(self, signed_in, album, tick):
        manifest = json.dumps({"open": True, "files": [{"name": "a" * 200, "size": 5}]}).encode()
        slow = Trickle(manifest, 1, tick)

        response = send(signed_in, "POST", f"/albums/{album.pk}/uploads/manifest/", slow, "application/json")

        assert (response.status_code, response.json()["error"]) == (400, "bad-manifest")
        assert slow.tell() <= 31


class TestRefused:
    """No view reads the body of a rejected request: it would hold a thread for as long as the sender likes."""

    @pytest.fixture
    def body(self) -> io.BytesIO:
        return io.BytesIO(bytes(1 << 20))

    def test_the_body_of_an_anonymous_upload_is_not_read(self, signed_in, album, body):
        path = path_of(create(signed_in, album))

        response = patch_with(Client(), path, body)

        assert (response.status_code, response.json()["error"], body.tell()) == (401, "sign-in", 0)

    def test_the_body_of_an_anonymous_form_is_not_read(self, album, body):
        form = send(Client(), "POST", f"/albums/{album.pk}/uploads/", body, "multipart/form-data; boundary=X")

        assert (form.status_code, body.tell()) == (302, 0)

    def test_the_body_of_an_upload_of_another_user_is_not_read(self, signed_in, stranger, album, body):
        path = path_of(create(signed_in, album))
        stranger_client = Client()
        stranger_client.force_login(stranger)

        assert (patch_with(stranger_client, path, body).status_code, body.tell()) == (404, 0)

    @pytest.mark.parametrize(("length", "offset", "status"), [(10, 0, 413), (2 << 20, 5, 409)])
    def test_the_body_of_an_upload_with_wrong_length_or_offset_is_not_read(
        self, signed_in, album, body, length, offset, status
    ):
        path = path_of(create(signed_in, album, length))

        assert (patch_with(signed_in, path, body, offset=offset).status_code, body.tell()) == (status, 0)

    def test_the_body_of_a_form_to_a_busy_album_is_not_read(self, signed_in, album, body):
        create(signed_in, album)

        response = send(
            signed_in, "POST", f"/albums/{album.pk}/uploads/", body, "multipart/form-data; boundary=X", **JSON
        )

        assert (response.status_code, response.json()["error"], body.tell()) == (409, "album-busy", 0)

    def test_the_body_of_a_too_long_manifest_is_not_read(self, signed_in, album):
        body = io.BytesIO(bytes(5 << 20))

        response = send(signed_in, "POST", f"/albums/{album.pk}/uploads/manifest/", body, "application/json")

        assert (response.status_code, response.json()["error"], body.tell()) == (413, "too-large", 0)


class TestUploadSlots:
    @pytest.fixture
    def no_free_slots(self, owner) -> Iterator[None]:
        """All upload slots of one user."""
        with ExitStack() as stack:
            for _ in range(upload_slots.user_slots()):
                stack.enter_context(upload_slots.acquire(owner.pk))
            yield

    def test_a_user_with_too_many_simultaneous_uploads_gets_503(self, signed_in, album, no_free_slots):
        path = path_of(create(signed_in, album))

        response = patch(signed_in, path, 0, b"x")

        assert (response.status_code, response.json()["error"]) == (503, "too-many-at-once")
        assert response["Retry-After"] == "5"

    def test_another_user_can_upload_meanwhile(self, others, their_album, no_free_slots):
        path = path_of(create(others, their_album))

        assert patch(others, path, 0, b"x").status_code == 204

    def test_a_form_and_a_manifest_need_a_slot_too(self, signed_in, album, no_free_slots):
        form = signed_in.post(
            f"/albums/{album.pk}/uploads/",
            multipart(('name="photos"; filename="a.jpg"', making.jpeg())),
            content_type="multipart/form-data; boundary=X",
            headers=JSON,
        )
        manifest = signed_in.post(
            f"/albums/{album.pk}/uploads/manifest/", {"open": False, "files": []}, content_type="application/json"
        )

        assert [
            (response.status_code, response.json()["error"], response["Retry-After"]) for response in (form, manifest)
        ] == [(503, "too-many-at-once", "5")] * 2

    def test_rejections_are_returned_while_all_slots_are_taken(
        self, signed_in, others, owner, stranger, album, settings
    ):
        path = path_of(create(signed_in, album))
        settings.USER_UPLOADS = upload_slots.total_slots()
        with ExitStack() as stack:
            for number in range(upload_slots.total_slots()):
                stack.enter_context(upload_slots.acquire(-number % 2))

            statuses = [
                patch(Client(), path, 0, b"x").status_code,
                patch(others, path, 0, b"x").status_code,
                patch(signed_in, path, 0, b"x", content_type="text/plain").status_code,
                patch(signed_in, path, 0, b"x").status_code,
            ]

        assert statuses == [401, 404, 415, 503]

    @pytest.mark.parametrize(
        ("threads", "user_uploads", "total_slots", "user_slots"),
        [(64, 0, 56, 14), (16, 0, 14, 6), (8, 0, 7, 6), (4, 0, 3, 2), (2, 0, 1, 1), (64, 50, 56, 50), (64, 99, 56, 56)],
    )
    def test_one_slot_stays_free_for_other_users_where_there_are_two(
        self, settings, threads, user_uploads, total_slots, user_slots
    ):
        settings.WEB_THREADS, settings.USER_UPLOADS = threads, user_uploads

        assert (upload_slots.total_slots(), upload_slots.user_slots()) == (total_slots, user_slots)

    def test_a_slot_is_released_when_the_body_ends_with_an_error(self, owner):
        with pytest.raises(OSError, match="broken"), upload_slots.acquire(owner.pk):
            raise OSError("broken")

        assert upload_slots._taken == {}
