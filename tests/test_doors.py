"""Every URL: anonymous, somebody else, unknown id, wrong method. A new URL must be added here, or the last test fails."""

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from albums.models import Album, Companion, Photo, Rendition
from processing.models import Batch, Preview, ProcessingJob
from processing.models.states import JobState
from tests.processing import making

pytestmark = pytest.mark.django_db

GET, POST = "get", "post"
ALBUM_DOORS = {
    "albums:detail": {GET},
    "albums:edit": {GET, POST},
    "albums:delete": {GET, POST},
    "albums:restore": {POST},
    "albums:delete-permanently": {GET, POST},
    "albums:deleted-cover": {GET},
    "albums:trash": {GET},
    "albums:put-all-back": {POST},
    "albums:empty-trash": {GET, POST},
    "processing:receive": {POST},
    "processing:panel": {GET},
    "processing:manifest": {POST},
    "processing:retry": {POST},
    "processing:clear": {POST},
    "processing:cancel": {POST},
}
BATCH_DOORS = {
    "processing:batch": {GET},
    "processing:receipt-csv": {GET},
    "processing:receipt-json": {GET},
    "processing:retry-batch": {POST},
    "processing:cancel-batch": {POST},
    "processing:delete-batch": {GET, POST},
}
PHOTO_DOORS = {
    "albums:photo": {GET},
    "albums:original": {GET},
    "albums:quality": {GET},
    "albums:delete-photo": {GET, POST},
    "albums:put-back": {POST},
    "albums:delete-for-ever": {GET, POST},
    "albums:rendition": {GET},
}
COMPANION_DOORS = {"albums:companion": {GET}}
JOB_DOORS = {"processing:raw": {GET}, "processing:preview": {GET}}
NUMBERED_DOORS = ALBUM_DOORS | BATCH_DOORS | PHOTO_DOORS | COMPANION_DOORS | JOB_DOORS
OWN_DOORS = {
    "account": {GET},
    "account_change_password": {GET, POST},
    "account_email": {GET, POST},
    "account_reauthenticate": {GET, POST},
    "account_set_password": {GET},
    "usersessions_list": {GET, POST},
    "mfa_index": {GET},
    "mfa_reauthenticate": {GET, POST},
    "mfa_activate_totp": {GET, POST},
    "mfa_deactivate_totp": {GET, POST},
    "mfa_view_recovery_codes": {GET},
    "mfa_generate_recovery_codes": {GET, POST},
    "mfa_download_recovery_codes": {GET},
    "mfa_add_webauthn": {GET, POST},
    "mfa_reauthenticate_webauthn": {GET, POST},
    "oidc_connection": {GET, POST},
    "albums:list": {GET},
    "albums:create": {GET, POST},
    "albums:deleted": {GET},
    "processing:jobs": {GET},
    "processing:cancel-rerendering": {POST},
    "processing:batches": {GET},
    "processing:failures": {GET},
    "processing:retry-failures": {POST},
    "processing:publish-failures": {POST},
    "processing:dismiss-failures": {POST},
}
KEEPERS_DOORS = {
    "processing:limits": {GET},
    "processing:measure": {POST},
    "processing:reclaim": {POST},
    "processing:storage": {GET, POST},
    "processing:storage-validate": {POST},
    "processing:storage-test": {POST},
    "processing:storage-disconnect": {POST},
    "processing:drain": {POST},
}
"""For who may change any album."""
OPEN_DOORS = {
    *("account_login", "account_logout", "account_inactive", "welcome", "healthz"),
    *("account_reset_password", "account_reset_password_done", "account_reset_password_from_key"),
    *("account_reset_password_from_key_done", "account_confirm_email", "account_email_verification_sent"),
}
UNWANTED_DOORS = {
    *(
        "signup/",
        "login/code/",
        "login/code/confirm/",
        "reauthenticate/code/",
        "phone/change/",
        "3rdparty/",
        "social/signup/",
    ),
}
"""Of allauth. No page here signs anybody up, or in by a mail."""
SECOND_FACTOR_DOORS = {"mfa_authenticate", "mfa_login_webauthn", "mfa_edit_webauthn", "mfa_remove_webauthn"}
"""For who is half signed in, and for one passkey of one's own: walked in tests/accounts/."""

PROVIDER_DOORS = {"oidc_begin", "oidc_callback"}
"""404 without a provider: walked in tests/accounts/test_oidc.py."""

TUS_DOORS = {"processing:create-upload", "processing:upload"}
"""Answered with 401 and never a redirect: walked in tests/journeys/test_tus.py."""

DIRECT_DOORS = {
    f"processing:direct-{name}" for name in ("params", "multipart", "upload", "part", "arrived", "complete")
}
"""Answered with JSON, and guarded by a pass in their path: walked in tests/journeys/direct/test_doors.py."""

PROBE = "processing:probe"
"""Answered with 401 too: walked in tests/journeys/test_limits.py."""


@pytest.fixture
def photo(album: Album) -> Photo:
    """In its album a job has failed, too, of whose file something can be seen."""
    job = making.job_in(album, JobState.FAILED)
    Preview.objects.create(job=job, webp=b"RIFF")
    photo = making.photo(album, job)
    photo.save()
    key = f"renditions/ab/{'ab' * 16}/400.webp"
    Rendition.objects.create(photo=photo, edge=400, key=key, width=400, height=300, bytes=1, sha256="0" * 64)
    Companion.objects.create(
        album=album, photo=photo, kind="sidecar", name="a.xmp", key="originals/ab/a.xmp", bytes=1, sha256="0" * 64
    )
    return photo


def address(name: str, pk: int) -> str:
    return reverse(name, args=[pk, "ab" * 16, 400, "webp"] if name == "albums:rendition" else [pk])


def door(name: str, photo: Photo) -> str:
    if name in OWN_DOORS:
        return reverse(name)
    if name in JOB_DOORS:
        return address(name, ProcessingJob.objects.get().pk)
    if name in COMPANION_DOORS:
        return address(name, Companion.objects.get().pk)
    if name in BATCH_DOORS:
        return address(name, Batch.objects.get().pk)
    return address(name, photo.album_id if name in ALBUM_DOORS else photo.pk)


def doors() -> list[tuple[str, str]]:
    return [(name, method) for name, methods in NUMBERED_DOORS.items() for method in sorted(methods)]


def client_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.once
@pytest.mark.parametrize(("name", "method"), doors())
def test_who_is_not_signed_in_is_sent_to_sign_in(photo, name, method):
    url = door(name, photo)

    response = getattr(Client(), method)(url)

    assert (response.status_code, response.url) == (302, f"/accounts/login/?next={url}")


@pytest.mark.parametrize(("name", "method"), doors())
def test_what_belongs_to_somebody_else_does_not_exist(photo, stranger, name, method):
    url = door(name, photo)

    assert getattr(client_of(stranger), method)(url).status_code == 404


@pytest.mark.parametrize("pk", [4711, 2**63, 10**30])
@pytest.mark.parametrize(("name", "method"), doors())
def test_an_unknown_id_is_not_found(owner, name, method, pk):
    assert getattr(client_of(owner), method)(address(name, pk)).status_code == 404


@pytest.mark.once
@pytest.mark.parametrize(("name", "methods"), (NUMBERED_DOORS | OWN_DOORS).items())
def test_a_wrong_method_is_refused(photo, owner, name, methods):
    url = door(name, photo)
    wrong = {"put", "delete", "patch", GET, POST} - methods

    assert {getattr(client_of(owner), method)(url).status_code for method in wrong} == {405}


@pytest.mark.once
@pytest.mark.parametrize("path", UNWANTED_DOORS)
def test_what_allauth_has_besides_does_not_exist(owner, path):
    for client in (Client(), client_of(owner)):
        assert client.get(f"/accounts/{path}").status_code == 404


@pytest.mark.once
@pytest.mark.parametrize("name", OWN_DOORS)
def test_the_own_pages_ask_for_signing_in(name):
    assert Client().get(reverse(name)).status_code == 302


@pytest.mark.once
@pytest.mark.parametrize(("name", "methods"), KEEPERS_DOORS.items())
def test_what_concerns_all_albums_is_for_who_may_change_any(owner, admin, name, methods):
    method = min(methods)

    assert getattr(Client(), method)(reverse(name)).status_code == 302
    assert getattr(client_of(owner), method)(reverse(name)).status_code == 404
    wrong = {"put", "delete", "patch", GET, POST} - methods
    assert {getattr(client_of(admin), method)(reverse(name)).status_code for method in wrong} == {405}


def test_who_may_change_any_album_sees_them_all(photo, admin):
    assert client_of(admin).get(reverse("albums:detail", args=[photo.album_id])).status_code == 200


@pytest.mark.once
def test_every_url_of_ours_is_walked_here():
    walked = {*NUMBERED_DOORS, *OWN_DOORS, *KEEPERS_DOORS, *OPEN_DOORS, *TUS_DOORS, *DIRECT_DOORS, PROBE}
    walked |= SECOND_FACTOR_DOORS | PROVIDER_DOORS
    assert {name for name in names(get_resolver().url_patterns) if not name.startswith("admin:")} == walked


def names(patterns, space: str = "") -> set[str]:
    found: set[str] = set()
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{pattern.namespace}:" if pattern.namespace else space
            found |= names(pattern.url_patterns, inner)
        elif isinstance(pattern, URLPattern) and pattern.name:
            found.add(space + pattern.name)
    return found
