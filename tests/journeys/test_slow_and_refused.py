"""Bodies that come too slowly, that nobody may send, or of which too many come at once."""

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
from processing.uploads import body_timeouts, upload_slots
from tests.journeys.test_form import multipart
from tests.journeys.test_tus import OCTETS, VERSION, create, head, patch, path_of
from tests.processing import making

pytestmark = pytest.mark.django_db

JSON = {"Accept": "application/json"}


class Trickle(io.BytesIO):
    """A body of which a few bytes come at each read, a second after the read before."""

    def __init__(self, content: bytes, count: int, tick: Callable[[], None]) -> None:
        super().__init__(content)
        self._count, self._tick = count, tick

    def read(self, size: int | None = -1) -> bytes:
        self._tick()
        return super().read(self._count if size is None or size < 0 else min(size, self._count))


@pytest.fixture
def tick(monkeypatch) -> Callable[[], None]:
    """Moves the clock by which bodies are timed one second on."""
    now = [0.0]
    monkeypatch.setattr(body_timeouts, "clock", lambda: now[0])

    def move() -> None:
        now[0] += 1

    return move


def send(client: Client, method: str, path: str, body: io.BytesIO, content_type: str, **headers: str):
    """As gunicorn says it, whose main thread throws away what is left of a body."""
    ours, theirs = socket.socketpair()
    told: dict[str, Any] = {
        "wsgi.input": body,
        "gunicorn.socket": ours,
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body.getvalue())),
    }
    with ours, theirs:
        return client.generic(method, path, content_type=content_type, headers=headers, **told)


def patch_with(client: Client, path: str, body: io.BytesIO, at: int = 0, **headers: str):
    return send(client, "PATCH", path, body, OCTETS, **VERSION, **{"Upload-Offset": str(at)}, **headers)


class TestSlow:
    def test_an_upload_that_trickles_is_ended_and_goes_on_from_what_arrived(self, signed_in, album, tick):
        content = making.jpeg((300, 300)) + bytes(9000)
        path = path_of(create(signed_in, album, len(content)))

        ended = patch_with(signed_in, path, Trickle(content, 100, tick))

        assert (ended.status_code, ended.json()["error"], ended["Upload-Offset"]) == (409, "too-slow", "6000")
        assert head(signed_in, path)["Upload-Offset"] == "6000"
        assert patch(signed_in, path, 6000, content[6000:]).status_code == 204
        assert ProcessingJob.objects.count() == 1

    def test_one_that_is_slow_but_fast_enough_takes_its_time(self, signed_in, album, tick):
        content = bytes(300_000)
        path = path_of(create(signed_in, album, len(content)))

        answer = patch_with(signed_in, path, Trickle(content, 1100, tick))

        assert (answer.status_code, answer.content, answer["Upload-Offset"]) == (204, b"", "300000")

    def test_the_minimum_may_be_turned_off(self, signed_in, album, tick, settings):
        settings.MIN_UPLOAD_RATE = 0
        path = path_of(create(signed_in, album, 5000))

        assert patch_with(signed_in, path, Trickle(bytes(5000), 10, tick)).status_code == 204

    def test_an_upload_that_begins_with_its_creation_keeps_what_arrived(self, signed_in, album, tick):
        body = Trickle(bytes(9000), 100, tick)

        answer = send(
            signed_in, "POST", f"/albums/{album.pk}/uploads/tus/", body, OCTETS, **VERSION, **{"Upload-Length": "9000"}
        )

        assert (answer.status_code, answer.json()["error"]) == (409, "too-slow")
        assert Upload.objects.get().state == UploadState.RECEIVING

    def test_a_form_that_trickles_is_ended_and_its_whole_files_are_kept(self, signed_in, album, tick):
        whole, rest = making.jpeg((16, 16)), bytes(100_000)
        body = multipart(('name="photos"; filename="a.jpg"', whole), ('name="photos"; filename="b.jpg"', rest))
        slow = Trickle(body, 900, tick)

        answer = send(
            signed_in, "POST", f"/albums/{album.pk}/uploads/", slow, "multipart/form-data; boundary=X", **JSON
        )

        assert (answer.status_code, answer.json()["error"]) == (400, "too-slow")
        assert ProcessingJob.objects.get().original_filename == "a.jpg"
        assert Upload.objects.get(name="b.jpg").code == "cut-off"

    def test_a_list_of_files_that_trickles_is_not_waited_for(self, signed_in, album, tick):
        told = json.dumps({"open": True, "files": [{"name": "a" * 200, "size": 5}]}).encode()
        slow = Trickle(told, 1, tick)

        answer = send(signed_in, "POST", f"/albums/{album.pk}/uploads/manifest/", slow, "application/json")

        assert (answer.status_code, answer.json()["error"]) == (400, "bad-manifest")
        assert slow.tell() <= 31


class TestRefused:
    """No view reads the body of a request that is refused: it would hold a thread, for as long as its sender likes."""

    @pytest.fixture
    def body(self) -> io.BytesIO:
        return io.BytesIO(bytes(1 << 20))

    def test_whose_sender_is_not_signed_in(self, signed_in, album, body):
        path = path_of(create(signed_in, album))

        answer = patch_with(Client(), path, body)

        assert (answer.status_code, answer.json()["error"], body.tell()) == (401, "sign-in", 0)

    def test_a_form_of_such_a_one(self, album, body):
        form = send(Client(), "POST", f"/albums/{album.pk}/uploads/", body, "multipart/form-data; boundary=X")

        assert (form.status_code, body.tell()) == (302, 0)

    def test_an_upload_of_somebody_else(self, signed_in, stranger, album, body):
        path = path_of(create(signed_in, album))
        other = Client()
        other.force_login(stranger)

        assert (patch_with(other, path, body).status_code, body.tell()) == (404, 0)

    @pytest.mark.parametrize(("length", "at", "status"), [(10, 0, 413), (2 << 20, 5, 409)])
    def test_one_that_does_not_fit(self, signed_in, album, body, length, at, status):
        path = path_of(create(signed_in, album, length))

        assert (patch_with(signed_in, path, body, at=at).status_code, body.tell()) == (status, 0)

    def test_a_form_to_a_busy_album(self, signed_in, album, body):
        create(signed_in, album)

        answer = send(
            signed_in, "POST", f"/albums/{album.pk}/uploads/", body, "multipart/form-data; boundary=X", **JSON
        )

        assert (answer.status_code, answer.json()["error"], body.tell()) == (409, "album-busy", 0)

    def test_a_list_of_files_that_is_too_long(self, signed_in, album):
        body = io.BytesIO(bytes(5 << 20))

        answer = send(signed_in, "POST", f"/albums/{album.pk}/uploads/manifest/", body, "application/json")

        assert (answer.status_code, answer.json()["error"], body.tell()) == (413, "too-large", 0)


class TestCrowd:
    @pytest.fixture
    def taken(self, owner) -> Iterator[None]:
        """All places that one person may have."""
        with ExitStack() as stack:
            for _ in range(upload_slots.user_slots()):
                stack.enter_context(upload_slots.acquire(owner.pk))
            yield

    def test_who_uploads_too_many_at_once_is_asked_to_come_back(self, signed_in, album, taken):
        path = path_of(create(signed_in, album))

        answer = patch(signed_in, path, 0, b"x")

        assert (answer.status_code, answer.json()["error"]) == (503, "too-many-at-once")
        assert answer["Retry-After"] == "5"

    def test_another_person_uploads_meanwhile(self, others, their_album, taken):
        path = path_of(create(others, their_album))

        assert patch(others, path, 0, b"x").status_code == 204

    def test_a_form_and_a_list_of_files_count_too(self, signed_in, album, taken):
        form = signed_in.post(
            f"/albums/{album.pk}/uploads/",
            multipart(('name="photos"; filename="a.jpg"', making.jpeg())),
            content_type="multipart/form-data; boundary=X",
            headers=JSON,
        )
        listed = signed_in.post(
            f"/albums/{album.pk}/uploads/manifest/", {"open": False, "files": []}, content_type="application/json"
        )

        assert [(a.status_code, a.json()["error"], a["Retry-After"]) for a in (form, listed)] == [
            (503, "too-many-at-once", "5")
        ] * 2

    def test_refusals_are_told_while_all_places_are_taken(self, signed_in, others, owner, stranger, album, settings):
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
        ("threads", "wanted", "places", "of_one"),
        [(64, 0, 56, 14), (16, 0, 14, 6), (8, 0, 7, 6), (4, 0, 3, 2), (2, 0, 1, 1), (64, 50, 56, 50), (64, 99, 56, 56)],
    )
    def test_one_place_stays_for_others_where_there_are_two(self, settings, threads, wanted, places, of_one):
        settings.WEB_THREADS, settings.USER_UPLOADS = threads, wanted

        assert (upload_slots.total_slots(), upload_slots.user_slots()) == (places, of_one)

    def test_a_place_is_free_again_when_the_body_ends_however_it_ends(self, owner):
        with pytest.raises(OSError, match="broken"), upload_slots.acquire(owner.pk):
            raise OSError("broken")

        assert upload_slots._taken == {}
