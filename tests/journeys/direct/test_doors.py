"""Access to the endpoints for direct uploads, and malformed requests."""

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


def send_request(client: Client, companion: Companion, method: str, route: str, upload: object, **headers: str):
    body = {"content_type": "application/json", "data": {"filename": "a.jpg"}} if method == "post" else {}
    return getattr(client, method)(companion.root + route.format(upload), headers=headers, **body)


def status_and_errors(client: Client, companion: Companion, upload: object, **headers: str) -> set[tuple[int, str]]:
    """Status and error code of all routes."""
    responses = [send_request(client, companion, method, route, upload, **headers) for method, route in ROUTES]
    return {(response.status_code, response.json()["error"]) for response in responses}


def test_strangers_other_origins_and_wrong_tokens_are_rejected(companion, stranger):
    upload, stranger_client = companion.create(), Client()
    stranger_client.force_login(stranger)

    assert status_and_errors(Client(), companion, upload) == {(401, "sign-in")}
    assert status_and_errors(stranger_client, companion, upload) == {(404, "not-found")}
    assert status_and_errors(companion.client, companion, upload, Origin="http://evil.example") == {(403, "origin")}
    assert status_and_errors(companion.client, companion, upload, **{"Sec-Fetch-Site": "cross-site"}) == {
        (403, "origin")
    }
    companion.root = companion.root.replace("/s3", "x/s3")
    assert status_and_errors(companion.client, companion, upload) == {(404, "not-found")}


def test_an_unknown_upload_is_not_found(companion):
    responses = [
        send_request(companion.client, companion, method, route, uuid.uuid4())
        for method, route in ROUTES
        if "{}" in route
    ]

    assert {response.status_code for response in responses} == {404}


def test_an_upload_is_accessible_to_its_sender_only(companion, admin):
    """Even an admin with permission to change the album has no access."""
    upload = companion.create()
    client = Client()
    client.force_login(admin)
    admin_companion = Companion(client, companion.album, admin)

    assert admin_companion.get(f"/multipart/{upload}").status_code == 404


def test_an_upload_token_is_valid_for_one_album(companion, owner):
    winter = Album.objects.create(title="Winter", owner=owner)
    companion.root = companion.root.replace(f"/albums/{companion.album.pk}/", f"/albums/{winter.pk}/")

    assert companion.post("/multipart", {"filename": "a.jpg"}).status_code == 404


def test_a_wrong_method_is_rejected(companion):
    upload, methods = companion.create(), ("get", "post", "put", "patch", "delete")
    wrong_requests = [
        (method, route)
        for route in {route for _, route in ROUTES}
        for method in methods
        if (method, route) not in ROUTES
    ]

    responses = [send_request(companion.client, companion, method, route, upload) for method, route in wrong_requests]

    assert {response.status_code for response in responses} == {405}


def test_a_malformed_creation_is_rejected(companion):
    bodies = ["no json", "[]", '{"filename": 1}', '{"filename": ""}', json.dumps({"metadata": {}})]

    responses = [companion.post("/multipart", body) for body in bodies]

    assert {(response.status_code, response.json()["error"]) for response in responses} == {(400, "bad-body")}
    assert not Upload.objects.exists()


def test_an_invalid_part_number_is_rejected(companion):
    upload = companion.create()

    assert {companion.get(f"/multipart/{upload}/{number}").status_code for number in (0, 10_001, 10**20)} == {400}
