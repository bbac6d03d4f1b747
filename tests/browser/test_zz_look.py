from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, PHONE, new_album
from tests.browser.desk import album_of, pictures, send
from tests.browser.looking import ensure_accessible

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.usefixtures("worker")]
OUT = Path("/tmp/look")
OUT.mkdir(exist_ok=True)

CODE = """
from django.contrib.auth.models import User
from albums.models import Album, Photo
from albums.nesting import tree
from albums import trash, album_trash
from django.utils import timezone
src = Album.objects.get(pk={pk})
u = src.owner
src.description = "Two weeks in the mountains with Anna and the children. We walked from hut to hut, and it rained only twice; the second week is in the album of Zermatt. Cameras: R6 and the phone."
src.save()
for i, t in enumerate(["Zermatt", "Hut to hut", "Fine art prints with a very long title indeed", "Drone"]):
    a = Album(title=t, owner=u); tree.create(a, src.pk)
    if i == 0:
        b = Album(title="Day 1", owner=u); tree.create(b, a.pk); print("NESTED", b.pk)
for t in ["Wedding of Ida and Tom", "Portraits", "Oslo", "Old"]:
    Album.objects.create(title=t, owner=u)
Album.objects.filter(owner=u, title="Oslo").update(pinned_at=timezone.now())
Album.objects.filter(owner=u, title="Old").update(archived_at=timezone.now())
x = Album.objects.create(title="Deleted one", owner=u); album_trash.move_to_trash(x)
ps = list(src.photos.all())
trash.move_to_trash(ps[-1]); trash.move_to_trash(ps[-2])
"""


def test_look(page, open_page, installation, account):
    address = new_album(page)
    send(page, pictures(8, (1200, 800)))
    expect(page.locator(".report")).to_contain_text("8 photos added")
    pk = album_of(page)
    out = installation.manage("shell", "-c", CODE.format(pk=pk)).stdout
    nested = [l for l in out.splitlines() if "NESTED" in l][-1].split()[1]
    urls = {
        "album": f"/albums/{pk}/",
        "nested": f"/albums/{nested}/",
        "list": "/albums/",
        "select": "/albums/?select=1",
        "archived": "/albums/?show=archived",
        "trash": "/trash/",
        "trash-albums": "/trash/?kind=albums",
        "empty": "/trash/empty/",
        "empty-albums": "/trash/empty/?kind=albums",
        "edit": f"/albums/{pk}/edit/",
        "delete": f"/albums/{pk}/delete/",
        "inside": f"/albums/?inside={pk}",
    }
    problems = []
    for size, n in ((DESKTOP, "d"), (PHONE, "p")):
        for scheme in ("light", "dark"):
            p = open_page(viewport=size, color_scheme=scheme, records_console=False)
            for name, url in urls.items():
                if scheme == "dark" and name not in ("album", "select", "trash"):
                    continue
                p.goto(url)
                if name == "select":
                    p.locator(".card__select input").first.check()
                try:
                    ensure_accessible(p, f"{name} {n} {scheme}")
                except AssertionError as e:
                    problems.append(str(e)[:1500])
                if name in ("album", "nested"):
                    t = p.locator(".tile").first
                    if t.count():
                        problems.append(f"first photo {name} {n}: {t.bounding_box()['y']}")
                p.screenshot(path=OUT / f"{name}-{n}-{scheme}.png")
            p.goto(urls["album"])
            p.locator(".album-head .menu:not(.view-menu) > summary").click()
            p.screenshot(path=OUT / f"menu-{n}-{scheme}.png")
            try:
                ensure_accessible(p, f"menu {n} {scheme}")
            except AssertionError as e:
                problems.append(str(e)[:1500])
            p.get_by_role("button", name="Move to album").click()
            p.screenshot(path=OUT / f"move-{n}-{scheme}.png")
            try:
                ensure_accessible(p, f"move {n} {scheme}")
            except AssertionError as e:
                problems.append(str(e)[:1500])
    print("\n".join(problems))
