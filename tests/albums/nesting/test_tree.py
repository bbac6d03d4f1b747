"""Albums inside albums: paths, moves, and the limits of both."""

from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from threading import Barrier

import pytest
from django.apps import apps
from django.db import connection, transaction

from albums.models import Album
from albums.nesting import queries, tree

pytestmark = pytest.mark.django_db


def inside(parent: Album | None, title: str, owner=None) -> Album:
    return Album.objects.create(title=title, owner=parent.owner if parent else owner, parent=parent)


def paths() -> dict[str, str]:
    """The path of each album, in titles."""
    titles = {str(pk): title for pk, title in Album.objects.values_list("pk", "title")}
    rows = Album.objects.values_list("title", "path")
    return {title: "/".join(titles[pk] for pk in path.strip("/").split("/")) for title, path in rows}


@pytest.fixture
def rome(album) -> Album:
    """Summer > Italy > Rome, and Winter beside Summer."""
    inside(None, "Winter", album.owner)
    return inside(inside(album, "Italy"), "Rome")


def move(album: Album, parent: Album | None) -> list[tree.Moved]:
    with transaction.atomic():
        return tree.move([album.pk], parent.pk if parent else None)


def named(title: str) -> Album:
    return Album.objects.get(title=title)


def test_a_new_album_has_the_path_of_its_parent_and_its_own_id(rome):
    assert paths() == {
        "Summer": "Summer",
        "Winter": "Winter",
        "Italy": "Summer/Italy",
        "Rome": "Summer/Italy/Rome",
    }
    assert [above.title for above in queries.ancestors([rome])[rome.pk]] == ["Summer", "Italy"]


def test_an_album_moves_with_all_albums_inside_it(rome, django_assert_max_num_queries):
    italy, winter = named("Italy"), named("Winter")

    with django_assert_max_num_queries(14):
        moved = move(italy, winter)

    assert moved == [tree.Moved(italy.pk, named("Summer").pk, winter.pk)]
    assert (paths()["Italy"], paths()["Rome"]) == ("Winter/Italy", "Winter/Italy/Rome")
    move(italy, None)
    assert (paths()["Italy"], paths()["Rome"], named("Italy").parent) == ("Italy", "Italy/Rome", None)


def test_of_albums_inside_each_other_only_the_outermost_moves(rome):
    italy = named("Italy")
    with transaction.atomic():
        moved = tree.move([rome.pk, italy.pk], named("Winter").pk)

    assert [row.album for row in moved] == [italy.pk]
    assert paths()["Rome"] == "Winter/Italy/Rome"


def test_an_album_cannot_be_moved_into_itself_or_an_album_inside_it(rome):
    before = paths()

    for target in ("Summer", "Italy", "Rome"):
        with pytest.raises(tree.InsideItself):
            move(named("Summer"), named(target))
    assert paths() == before


def test_an_album_cannot_be_moved_to_another_owner_or_to_the_trash(rome, their_album):
    trashed = Album.objects.create(title="Old", owner=rome.owner, trashed_at="2026-01-01T00:00Z")

    with pytest.raises(tree.OtherOwner):
        move(rome, their_album)
    with pytest.raises(tree.TargetGone):
        move(rome, trashed)


def test_albums_are_nested_at_most_twenty_levels_deep(album, owner):
    deepest = album
    for number in range(tree.MAX_DEPTH - 1):
        deepest = inside(deepest, str(number))
    pair = inside(inside(None, "Outer", owner), "Inner").parent

    with pytest.raises(tree.TooDeep), transaction.atomic():
        tree.create(Album(title="One more", owner=owner), deepest.pk)
    assert len(move(pair, Album.objects.get(pk=tree.ancestor_ids(deepest)[-2]))) == 1
    with pytest.raises(tree.TooDeep):
        move(pair, Album.objects.get(pk=tree.ancestor_ids(deepest)[-1]))
    assert max(len(path) for path in Album.objects.values_list("path", flat=True)) <= 400


def test_albums_without_a_path_get_one_from_the_migration_or_a_move(owner):
    Album.objects.bulk_create([Album(title=title, owner=owner) for title in ("Old", "Older")])
    move(named("Older"), named("Old"))
    assert paths() == {"Old": "Old", "Older": "Old/Older"}
    Album.objects.filter(title="Old").update(path="")

    import_module("albums.migrations.0020_album_path").write_paths(apps, connection.schema_editor())

    assert paths() == {"Old": "Old", "Older": "Old/Older"}


def test_a_folder_that_was_uploaded_before_gets_its_album_again(client, rome):
    client.force_login(rome.owner)
    italy = named("Italy")
    fields = {"title": "Rome", "inside": italy.pk}

    responses = [client.post("/albums/new/", data) for data in (fields | {"reuse": "yes"}, fields)]

    assert responses[0].url == f"/albums/{rome.pk}/"
    assert list(Album.objects.filter(title="Rome").order_by("pk").values_list("parent", flat=True)) == [italy.pk] * 2
    assert client.post("/albums/new/", {"title": "Below", "inside": 4711}).status_code == 404


def test_a_new_owner_gets_the_albums_inside_too(rome, stranger):
    with transaction.atomic():
        tree.change_owner([named("Italy").pk], stranger.pk)

    assert {named(title).owner for title in ("Italy", "Rome")} == {stranger}
    assert (paths()["Italy"], paths()["Rome"]) == ("Italy", "Italy/Rome")


@pytest.mark.django_db(transaction=True)
def test_of_two_moves_into_each_other_at_once_one_succeeds(owner):
    summer, winter = inside(None, "Summer", owner), inside(None, "Winter", owner)
    start = Barrier(2)

    def move_into(albums: tuple[Album, Album]) -> str:
        start.wait(60)
        try:
            return "moved" if move(*albums) else "unchanged"
        except tree.InsideItself:
            return "rejected"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(move_into, [(summer, winter), (winter, summer)]))

    assert sorted(results) == ["moved", "rejected"]
    assert sorted(paths().values()) in (["Summer", "Summer/Winter"], ["Winter", "Winter/Summer"])
