"""Every URL: anonymous, another user, unknown id, wrong method. The last test fails for a URL that is not listed here."""

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from albums.models import Album, Companion, Operation, Photo, Rendition, SavedSelection
from albums.selection import Selection
from processing.models import Batch, Preview, ProcessingJob
from processing.models.states import JobState
from tests.processing import making

pytestmark = pytest.mark.django_db

GET, POST = "get", "post"
ALBUM_URLS = {
    "albums:detail": {GET},
    "albums:window": {GET},
    "albums:months": {GET},
    "albums:view": {POST},
    "albums:sort": {POST},
    "albums:download": {GET},
    "albums:download-zip": {GET},
    "albums:edit": {GET, POST},
    "albums:similar": {GET},
    "albums:keep-similar": {POST},
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
BATCH_URLS = {
    "processing:batch": {GET},
    "processing:receipt-csv": {GET},
    "processing:receipt-json": {GET},
    "processing:retry-batch": {POST},
    "processing:cancel-batch": {POST},
    "processing:delete-batch": {GET, POST},
}
PHOTO_URLS = {
    "albums:photo": {GET},
    "albums:original": {GET},
    "albums:quality": {GET},
    "albums:rate": {POST},
    "albums:edit-photo": {GET, POST},
    "albums:rotate": {POST},
    "albums:edits-sidecar": {GET},
    "albums:place": {GET, POST},
    "albums:set-cover": {POST},
    "albums:delete-photo": {GET, POST},
    "albums:put-back": {POST},
    "albums:delete-for-ever": {GET, POST},
    "albums:rendition": {GET},
}
COMPANION_URLS = {"albums:companion": {GET}}
JOB_URLS = {"processing:raw": {GET}, "processing:preview": {GET}}
OPERATION_URLS = {"albums:operation": {GET}, "albums:undo": {POST}}
SAVED_SELECTION_URLS = {"albums:selection-download-options": {GET}, "albums:selection-download-zip": {GET}}
OBJECT_URLS = ALBUM_URLS | BATCH_URLS | PHOTO_URLS | COMPANION_URLS | JOB_URLS | OPERATION_URLS | SAVED_SELECTION_URLS
USER_URLS = {
    "albums:selection-edit": {GET, POST},
    "albums:selection-rotate": {POST},
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
    "albums:selection-download": {POST},
    "albums:selection-move": {GET, POST},
    "albums:selection-copy": {GET, POST},
    "albums:selection-delete": {GET, POST},
    "albums:selection-targets": {GET},
    "albums:selection-place": {POST},
    "albums:all-trash": {GET},
    "albums:restore-all": {POST},
    "albums:empty-all": {GET, POST},
    "albums:pin-albums": {POST},
    "albums:archive-albums": {POST},
    "albums:move-albums": {POST},
    "albums:change-owner": {POST},
    "albums:delete-albums": {POST},
    "albums:selection-cover": {POST},
    "albums:search": {GET},
    "albums:search-window": {GET},
    "albums:search-count": {GET},
    "processing:jobs": {GET},
    "processing:cancel-rerendering": {POST},
    "processing:batches": {GET},
    "processing:failures": {GET},
    "processing:retry-failures": {POST},
    "processing:publish-failures": {POST},
    "processing:dismiss-failures": {POST},
}
ADMIN_URLS = {
    "processing:activity": {GET},
    "processing:limits": {GET},
    "processing:measure": {POST},
    "processing:reclaim": {POST},
    "processing:storage": {GET, POST},
    "processing:storage-validate": {POST},
    "processing:storage-test": {POST},
    "processing:storage-disconnect": {POST},
    "processing:drain": {POST},
}
"""For users with permission to change any album."""
PUBLIC_URLS = {
    *("account_login", "account_logout", "account_inactive", "welcome", "healthz", "readyz", "metrics"),
    *("account_reset_password", "account_reset_password_done", "account_reset_password_from_key"),
    *("account_reset_password_from_key_done", "account_confirm_email", "account_email_verification_sent"),
}
UNSERVED_PATHS = {
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
"""URLs of allauth that are not served: no page signs a user up, or in by mail."""
SECOND_FACTOR_URLS = {"mfa_authenticate", "mfa_login_webauthn", "mfa_edit_webauthn", "mfa_remove_webauthn"}
"""For users between the steps of signing in, and for one passkey of the user: tested in tests/accounts/."""

PROVIDER_URLS = {"oidc_begin", "oidc_callback"}
"""404 without a provider: tested in tests/accounts/oidc/test_settings.py."""

TUS_URLS = {"processing:create-upload", "processing:upload"}
"""Return 401 and never a redirect: tested in tests/journeys/uploads/test_tus_rejections.py."""

DIRECT_URLS = {f"processing:direct-{name}" for name in ("params", "multipart", "upload", "part", "arrived", "complete")}
"""Return JSON, and need an upload token in their path: tested in tests/journeys/direct/test_doors.py."""

PROBE = "processing:probe"
"""Returns 401 too: tested in tests/journeys/test_limits.py."""


@pytest.fixture
def photo(album: Album) -> Photo:
    """A photo with a rendition and a companion; its album also has a failed job with a preview."""
    job = making.job_in(album, JobState.FAILED)
    Preview.objects.create(job=job, webp=b"RIFF")
    photo = making.photo(album, job)
    photo.edited_title = "Port"
    photo.save()
    key = f"renditions/ab/{'ab' * 16}/400.webp"
    Rendition.objects.create(photo=photo, edge=400, key=key, width=400, height=300, bytes=1, sha256="0" * 64)
    Companion.objects.create(
        album=album, photo=photo, kind="sidecar", name="a.xmp", key="originals/ab/a.xmp", bytes=1, sha256="0" * 64
    )
    Operation.objects.create(user=album.owner, kind="mark")
    SavedSelection.objects.create(user=album.owner, digest="ab" * 16, selection=Selection((photo.pk,)).to_json())
    return photo


def address(name: str, pk: int | str) -> str:
    return reverse(name, args=[pk, "ab" * 16, 400, "webp"] if name == "albums:rendition" else [pk])


def url_of(name: str, photo: Photo) -> str:
    if name in USER_URLS:
        return reverse(name)
    if name in JOB_URLS:
        return address(name, ProcessingJob.objects.get().pk)
    if name in COMPANION_URLS:
        return address(name, Companion.objects.get().pk)
    if name in SAVED_SELECTION_URLS:
        return address(name, SavedSelection.objects.get().digest)
    if name in OPERATION_URLS:
        return address(name, Operation.objects.get().pk)
    if name in BATCH_URLS:
        return address(name, Batch.objects.get().pk)
    return address(name, photo.album_id if name in ALBUM_URLS else photo.pk)


def object_urls_and_methods() -> list[tuple[str, str]]:
    return [(name, method) for name, methods in OBJECT_URLS.items() for method in sorted(methods)]


def client_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.once
@pytest.mark.parametrize(("name", "method"), object_urls_and_methods())
def test_an_anonymous_client_is_redirected_to_the_sign_in_page(photo, name, method):
    url = url_of(name, photo)

    response = getattr(Client(), method)(url)

    assert (response.status_code, response.url) == (302, f"/accounts/login/?next={url}")


@pytest.mark.parametrize(("name", "method"), object_urls_and_methods())
def test_objects_of_another_user_do_not_exist(photo, stranger, name, method):
    url = url_of(name, photo)

    assert getattr(client_of(stranger), method)(url).status_code == 404


@pytest.mark.parametrize("pk", [4711, 2**63, 10**30])
@pytest.mark.parametrize(("name", "method"), object_urls_and_methods())
def test_an_unknown_id_is_not_found(owner, name, method, pk):
    assert getattr(client_of(owner), method)(address(name, pk)).status_code == 404


@pytest.mark.once
@pytest.mark.parametrize(("name", "methods"), (OBJECT_URLS | USER_URLS).items())
def test_a_wrong_method_gets_405(photo, owner, name, methods):
    url = url_of(name, photo)
    wrong_methods = {"put", "delete", "patch", GET, POST} - methods

    assert {getattr(client_of(owner), method)(url).status_code for method in wrong_methods} == {405}


@pytest.mark.once
@pytest.mark.parametrize("path", UNSERVED_PATHS)
def test_unused_pages_of_allauth_do_not_exist(owner, path):
    for client in (Client(), client_of(owner)):
        assert client.get(f"/accounts/{path}").status_code == 404


@pytest.mark.once
@pytest.mark.parametrize("name", USER_URLS)
def test_pages_of_the_user_require_signing_in(name):
    assert Client().get(reverse(name)).status_code == 302


@pytest.mark.once
@pytest.mark.parametrize(("name", "methods"), ADMIN_URLS.items())
def test_pages_about_all_albums_are_only_for_users_who_may_change_any(owner, admin, name, methods):
    method = min(methods)

    assert getattr(Client(), method)(reverse(name)).status_code == 302
    assert getattr(client_of(owner), method)(reverse(name)).status_code == 404
    wrong_methods = {"put", "delete", "patch", GET, POST} - methods
    assert {getattr(client_of(admin), method)(reverse(name)).status_code for method in wrong_methods} == {405}


def test_a_user_who_may_change_any_album_sees_all_albums(photo, admin):
    assert client_of(admin).get(reverse("albums:detail", args=[photo.album_id])).status_code == 200


@pytest.mark.once
def test_every_url_is_listed_in_this_module():
    listed = {*OBJECT_URLS, *USER_URLS, *ADMIN_URLS, *PUBLIC_URLS, *TUS_URLS, *DIRECT_URLS, PROBE}
    listed |= SECOND_FACTOR_URLS | PROVIDER_URLS
    assert {name for name in names_in(get_resolver().url_patterns) if not name.startswith("admin:")} == listed


def names_in(patterns, prefix: str = "") -> set[str]:
    url_names: set[str] = set()
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            namespace = f"{pattern.namespace}:" if pattern.namespace else prefix
            url_names |= names_in(pattern.url_patterns, namespace)
        elif isinstance(pattern, URLPattern) and pattern.name:
            url_names.add(prefix + pattern.name)
    return url_names
