from django.urls import path

from albums.album_edits import views as album_edits
from albums.album_selection import views as album_selection
from albums.download import views as download
from albums.edits import views as edits
from albums.grid import views as grid
from albums.moving import views as moving
from albums.operations import views as operations
from albums.order import views as order
from albums.search import views as search
from albums.similar import views as similar
from albums.trash_page import views as trash_page
from albums.views import albums, deleted_albums, photos, trash

app_name = "albums"

urlpatterns = [
    path("albums/", albums.index, name="list"),
    path("albums/new/", albums.create, name="create"),
    path("albums/trash/", deleted_albums.index, name="deleted"),
    path("albums/selected/pin/", album_selection.pin, name="pin-albums"),
    path("albums/selected/archive/", album_selection.archive, name="archive-albums"),
    path("albums/selected/move/", album_selection.move, name="move-albums"),
    path("albums/selected/owner/", album_selection.change_owner, name="change-owner"),
    path("albums/selected/delete/", album_selection.delete, name="delete-albums"),
    path("trash/", trash_page.index, name="all-trash"),
    path("trash/restore/", trash_page.restore, name="restore-all"),
    path("trash/empty/", trash_page.empty, name="empty-all"),
    path("selection/cover/", album_edits.set_selected_cover, name="selection-cover"),
    path("albums/<int:pk>/", albums.detail, name="detail"),
    path("albums/<int:pk>/photos/", grid.window, name="window"),
    path("albums/<int:pk>/months/", grid.months, name="months"),
    path("albums/<int:pk>/view/", grid.view, name="view"),
    path("albums/<int:pk>/sort/", order.sort, name="sort"),
    path("albums/<int:pk>/similar/", similar.index, name="similar"),
    path("albums/<int:pk>/similar/keep/", similar.keep, name="keep-similar"),
    path("selection/download/", download.download_selection, name="selection-download"),
    path("selection/<str:digest>/download/", download.choose_selection, name="selection-download-options"),
    path("selection/<str:digest>/download.zip", download.selection_zip, name="selection-download-zip"),
    path("albums/<int:pk>/download/", download.choose, name="download"),
    path("albums/<int:pk>/download.zip", download.album_zip, name="download-zip"),
    path("albums/<int:pk>/edit/", albums.edit, name="edit"),
    path("albums/<int:pk>/delete/", albums.delete, name="delete"),
    path("albums/<int:pk>/restore/", deleted_albums.restore, name="restore"),
    path("albums/<int:pk>/delete-permanently/", deleted_albums.remove, name="delete-permanently"),
    path("albums/<int:pk>/cover.webp", deleted_albums.cover, name="deleted-cover"),
    path("albums/<int:pk>/trash/", trash.index, name="trash"),
    path("albums/<int:pk>/trash/put-back/", trash.restore_all, name="put-all-back"),
    path("albums/<int:pk>/trash/empty/", trash.empty, name="empty-trash"),
    path("search/", search.results, name="search"),
    path("search/photos/", search.window, name="search-window"),
    path("search/count/", search.count, name="search-count"),
    path("photos/<int:pk>/", photos.detail, name="photo"),
    path("operations/<int:pk>/", operations.operation, name="operation"),
    path("operations/<int:pk>/undo/", operations.undo, name="undo"),
    path("selection/move/", moving.move, name="selection-move"),
    path("selection/copy/", moving.copy, name="selection-copy"),
    path("selection/targets/", moving.targets, name="selection-targets"),
    path("selection/delete/", moving.delete, name="selection-delete"),
    path("companions/<int:pk>/", photos.companion, name="companion"),
    path("photos/<int:pk>/original/", photos.original, name="original"),
    path("photos/<int:pk>/quality/", photos.quality_check, name="quality"),
    path("photos/<int:pk>/rating/", edits.rate, name="rate"),
    path("photos/<int:pk>/place/", order.place, name="place"),
    path("selection/place/", order.place_selection, name="selection-place"),
    path("photos/<int:pk>/edit/", edits.edit_photo, name="edit-photo"),
    path("photos/<int:pk>/rotate/", edits.rotate, name="rotate"),
    path("photos/<int:pk>/edits.xmp", edits.sidecar, name="edits-sidecar"),
    path("selection/edit/", edits.edit_selection, name="selection-edit"),
    path("selection/rotate/", edits.rotate_selection, name="selection-rotate"),
    path("photos/<int:pk>/cover/", album_edits.set_cover, name="set-cover"),
    path("photos/<int:pk>/delete/", photos.delete, name="delete-photo"),
    path("photos/<int:pk>/put-back/", trash.restore, name="put-back"),
    path("photos/<int:pk>/delete-for-ever/", trash.delete_permanently, name="delete-for-ever"),
    path("photos/<int:pk>/<str:version>/<int:edge>.<slug:format>", photos.rendition, name="rendition"),
]
