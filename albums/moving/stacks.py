"""Photos with what belongs to them, and which of them another album has already."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from albums.key_columns import Item
from albums.models import Companion, Photo
from albums.order import spacing


@dataclass(slots=True)
class Stack:
    """A photo that pages show, its RAWs and its companions."""

    photos: list[Photo]
    """The shown photo, then its RAWs."""
    companions: list[Companion] = field(default_factory=list)

    @property
    def items(self) -> list[Item]:
        return [*self.photos, *self.companions]

    @property
    def lead(self) -> Photo:
        return self.photos[0]


def read(leads: Sequence[Photo], *, lock: bool = True) -> list[Stack]:
    """Returns the stacks of the photos, in the order of the photos, from two queries."""
    stacks = {lead.pk: Stack([lead]) for lead in leads}
    raws = Photo.objects.filter(shown_as__in=stacks).order_by("position", "pk")
    for raw in raws.select_for_update(of=("self",)) if lock else raws:
        stacks[raw.shown_as_id or 0].photos.append(raw)
    leads_by_id = {photo.pk: lead for lead, stack in stacks.items() for photo in stack.photos}
    for companion in Companion.objects.filter(photo__in=leads_by_id):
        stacks[leads_by_id[companion.photo_id or 0]].companions.append(companion)
    return list(stacks.values())


def without_known(stacks: Sequence[Stack], album_id: int) -> list[Stack]:
    """Returns the stacks without a file that the album or its trash already has. Call it under the album's lock.

    A photo's bytes are in an album once. A companion's are once under each name.
    """
    checksums = {photo.original_sha256 for stack in stacks for photo in stack.photos}
    photos = Photo.objects.filter(album=album_id, original_sha256__in=checksums)
    identities_in_target: set[object] = set(photos.values_list("original_sha256", flat=True))
    companions = {companion.sha256 for stack in stacks for companion in stack.companions}
    if companions:
        rows = Companion.objects.filter(album=album_id, sha256__in=companions)
        identities_in_target |= set(rows.values_list("sha256", "name"))
    return list(_new(stacks, identities_in_target))


def _new(stacks: Sequence[Stack], identities_in_target: set[object]) -> Iterator[Stack]:
    """Of two photos with the same bytes, from different albums, only the first one is new."""
    for stack in stacks:
        identities: set[object] = {photo.original_sha256 for photo in stack.photos}
        identities |= {(companion.sha256, companion.name) for companion in stack.companions}
        if not identities & identities_in_target:
            identities_in_target |= identities
            yield stack


def end_positions(album_id: int, count: int) -> Iterator[int]:
    """Yields positions behind all photos of the album, with gaps for `count` photos before the present time.

    A photo that is uploaded later has a later position. Call it under the album's lock.
    """
    first, gap, count = end_range(album_id, count)
    yield from range(first, first + gap * count, gap)


def end_range(album_id: int, count: int) -> tuple[int, int, int]:
    """Returns the first of the `end_positions`, their distance and their number."""
    last = Photo.objects.filter(album=album_id).order_by("-position").values_list("position", flat=True).first() or 0
    gap = max(1, min(spacing.GAP, (spacing.now() - last) // (count + 1)))
    return last + gap, gap, count


def photos_by_album(photos: Collection[Photo]) -> dict[int, list[Photo]]:
    grouped = defaultdict(list)
    for photo in photos:
        grouped[photo.album_id].append(photo)
    return grouped
