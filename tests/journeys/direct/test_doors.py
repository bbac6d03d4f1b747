"""Who may send straight to the bucket, and what is no such request."""

import json
import uuid

import pytest
from django.test import Client

from albums.models import Album
from processing.models import Upload
from tests.journeys.direct.companion import Companion

pytestmark = [pytest.mark.django_db, pytest.mark.servers]


ROUTES = [
    ("get", "/params?filename=a.jpg"),
    ("post", "/multipart"),
    ("get", "/multipart/{}"),
    ("delete", "/multipart/{}"),
    ("get", "/multipart/{}/1"),
    ("post", "/multipart/{}/arrived"),
    ("post", "/multipart/{}/complete"),
]


def ask(client: Client, companion: Companion, method: str, route: str, upload: object, **headers: str):
    body = {"content_type": "application/json", "data": {"filename": "a.jpg"}} if method == "post" else {}
    return getattr(client, method)(companion.root + route.format(upload), headers=headers, **body)


def answers(client: Client, companion: Companion, upload: object, **headers: str) -> set[tuple[int, str]]:
    """Of all routes."""
    found = [ask(client, companion, method, route, upload, **headers) for method, route in ROUTES]
    return {(response.status_code, response.json()["error"]) for response in found}


def test_nobody_else_gets_in(companion, stranger):
    upload, theirs = companion.create(), Client()
    theirs.force_login(stranger)

    assert answers(Client(), companion, upload) == {(401, "sign-in")}
    assert answers(theirs, companion, upload) == {(404, "not-found")}
    assert answers(companion.client, companion, upload, Origin="http://evil.example") == {(403, "origin")}
    assert answers(companion.client, companion, upload, **{"Sec-Fetch-Site": "cross-site"}) == {(403, "origin")}
    companion.root = companion.root.replace("/s3", "x/s3")
    assert answers(companion.client, companion, upload) == {(404, "not-found")}


def test_an_unknown_upload_is_not_found(companion):
    found = [ask(companion.client, companion, method, route, uuid.uuid4()) for method, route in ROUTES if "{}" in route]

    assert {response.status_code for response in found} == {404}


def test_an_upload_is_its_senders_alone(companion, admin):
    """Even if its album is another's, too."""
    upload = companion.create()
    client = Client()
    client.force_login(admin)
    theirs = Companion(client, companion.album, admin)

    assert theirs.get(f"/multipart/{upload}").status_code == 404


def test_a_pass_is_for_one_album(companion, owner):
    other = Album.objects.create(title="Winter", owner=owner)
    companion.root = companion.root.replace(f"/albums/{companion.album.pk}/", f"/albums/{other.pk}/")

    assert companion.post("/multipart", {"filename": "a.jpg"}).status_code == 404


def test_a_wrong_method_is_refused(companion):
    upload, methods = companion.create(), ("get", "post", "put", "patch", "delete")
    wrong = [
        (method, route)
        for route in {route for _, route in ROUTES}
        for method in methods
        if (method, route) not in ROUTES
    ]

    found = [ask(companion.client, companion, method, route, upload) for method, route in wrong]

    assert {response.status_code for response in found} == {405}


def test_what_is_no_beginning_is_refused(companion):
    bodies = ["no json", "[]", '{"filename": 1}', '{"filename": ""}', json.dumps({"metadata": {}})]

    found = [companion.post("/multipart", body) for body in bodies]

    assert {(response.status_code, response.json()["error"]) for response in found} == {(400, "bad-body")}
    assert not Upload.objects.exists()


def test_a_part_of_no_number_is_refused(companion):
    upload = companion.create()

    assert {companion.get(f"/multipart/{upload}/{number}").status_code for number in (0, 10_001, 10**20)} == {400}
