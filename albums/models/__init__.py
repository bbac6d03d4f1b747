"""Models of the library: albums, photos, renditions, companions, and storage keys to be deleted. Independent of processing."""

from albums.models.albums import Album, AlbumQuerySet, SortedBy
from albums.models.files import Companion, Leftover, PerceptualHash, Rendition
from albums.models.grid import GridPreference
from albums.models.operations import Operation, OperationStep
from albums.models.photos import Photo, PhotoQuerySet, TakenFrom
from albums.models.positions import FormerPosition
from albums.models.selections import SavedSelection
from albums.models.similar import KeptSimilar
from albums.models.trashable import Trashable

__all__ = [
    "Album",
    "AlbumQuerySet",
    "Companion",
    "FormerPosition",
    "GridPreference",
    "KeptSimilar",
    "Leftover",
    "Operation",
    "OperationStep",
    "PerceptualHash",
    "Photo",
    "PhotoQuerySet",
    "Rendition",
    "SavedSelection",
    "SortedBy",
    "TakenFrom",
    "Trashable",
]
