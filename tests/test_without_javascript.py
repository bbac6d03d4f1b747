"""Every page that links lead to works without JavaScript: it is there, its links lead somewhere, and its buttons send forms."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http import HTTPStatus
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
from django.test import Client
from django.urls import Resolver404, resolve
from django.utils import timezone

from albums.models import Album, Photo
from processing.models.states import JobState
from tests.processing import making

pytestmark = pytest.mark.django_db

HOME = "/"
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
HIDES_BUTTONS = "photo-viewer"
"""This element hides its `data-action` buttons until its script runs (static/css/pages/photo.css)."""
OUTSIDE = ("/admin/", "/accounts/logout/")
"""Django's own pages, and the end of the session."""
FILE_SUFFIXES = ("/original/", ".csv", ".json", ".webp", ".avif", "/raw/", "/preview/")


@dataclass
class PageReader(HTMLParser):
    """Collects links, the targets of forms, and buttons that do nothing without scripts."""

    url: str
    links: list[str] = field(default_factory=list)
    forms: list[tuple[str, str]] = field(default_factory=list)
    """Method and URL of each form."""
    dead: list[str] = field(default_factory=list)
    _open: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self._open.append((tag, attributes))
        if tag == "a" and "href" in attributes:
            self._read_link(attributes)
        elif tag == "form":
            self.forms.append(
                (attributes.get("method", "get").lower(), urljoin(self.url, attributes.get("action", "")))
            )
        elif tag == "button" and not self._works(attributes):
            self.dead.append(f"button {attributes}")

    def handle_endtag(self, tag: str) -> None:
        while any(name == tag for name, _ in self._open) and self._open.pop()[0] != tag:
            pass

    def _read_link(self, attributes: dict[str, str]) -> None:
        if attributes["href"].strip() in ("", "#") or attributes["href"].startswith("javascript:"):
            self.dead.append(f"link {attributes}")
        elif not self._is_script_only():
            self.links.append(urljoin(self.url, attributes["href"]))

    def _works(self, attributes: dict[str, str]) -> bool:
        is_in_form = "form" in attributes or any(name == "form" for name, _ in self._open)
        submits = attributes.get("type", "submit") != "button"
        return (is_in_form and submits) or self._is_script_only() or self._is_in_viewer(attributes)

    def _is_script_only(self) -> bool:
        """True within an element that is hidden without scripts, and in a template."""
        return any(
            name == "template" or "hidden" in attributes or "script-only" in attributes.get("class", "").split()
            for name, attributes in self._open
        )

    def _is_in_viewer(self, attributes: dict[str, str]) -> bool:
        return "data-action" in attributes and any(name == HIDES_BUTTONS for name, _ in self._open)


@pytest.fixture
def client(admin, owner) -> Client:
    """An administrator's client, in an installation that has one of everything: photos, batches, problems, a trash."""
    album, processing, receiving, trashed, _ = (
        Album.objects.create(title=title, owner=admin)
        for title in ("Photos", "Processing", "Receiving", "Trash", "Empty")
    )
    Album.objects.create(title="Somebody else's", owner=owner)
    for state in (JobState.COMPLETED, JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED):
        making.job_in(album, state)
    Photo.objects.filter(pk=album.photos.order_by("pk").values_list("pk").last()[0]).update(trashed_at=timezone.now())
    Album.objects.filter(pk=trashed.pk).update(trashed_at=timezone.now())
    making.job_in(processing, JobState.PROCESSING)
    making.upload(receiving)
    client = Client()
    client.force_login(admin)
    return client


def test_every_page_works_without_javascript(client: Client) -> None:
    pages = dict(_crawl(client))

    assert {page.url: page.dead for page in pages.values() if page.dead} == {}
    assert {url for page in pages.values() for method, url in page.forms if not _exists(url)} == set()
    assert {"/albums/", "/batches/", "/failures/", "/jobs/", "/limits/", "/storage/"} <= pages.keys()
    for form in ("receive", "retry", "clear", "cancel"):  # the forms of a full album
        assert any(resolve(urlsplit(url).path).url_name == form for page in pages.values() for _, url in page.forms)


def _crawl(client: Client) -> Iterator[tuple[str, PageReader]]:
    """Yields the path and content of each page, once for each view and each set of query parameters."""
    queue, visited = [HOME], set()
    while queue:
        url = queue.pop(0)
        key = _view_of(url)
        if key in visited:
            continue
        visited.add(key)
        response = client.get(url, follow=True)
        assert response.status_code == HTTPStatus.OK, url
        if not response["Content-Type"].startswith("text/html"):
            continue
        page = PageReader(response.request["PATH_INFO"])
        page.feed(response.content.decode())
        yield page.url, page
        queue += [urldefrag(link).url for link in page.links if _is_page(link)]


def _view_of(url: str) -> tuple[str, ...]:
    """Returns what distinguishes a page from another of the same kind: its path, and the names of its parameters."""
    parts = urlsplit(url)
    return parts.path, *sorted(parameter.partition("=")[0] for parameter in parts.query.split("&"))


def _is_page(url: str) -> bool:
    parts = urlsplit(url)
    return (
        not parts.netloc
        and parts.scheme == ""
        and not parts.path.startswith(OUTSIDE)
        and not parts.path.endswith(FILE_SUFFIXES)
    )


def _exists(url: str) -> bool:
    try:
        resolve(urlsplit(url).path)
    except Resolver404:
        return False
    return True
