from django.urls import path

from albums.views import albums, photos, trash

app_name = "albums"

urlpatterns = [
    path("albums/", albums.index, name="list"),
    path("albums/new/", albums.create, name="create"),
    path("albums/<int:pk>/", albums.detail, name="detail"),
    path("albums/<int:pk>/edit/", albums.edit, name="edit"),
    path("albums/<int:pk>/delete/", albums.delete, name="delete"),
    path("albums/<int:pk>/trash/", trash.index, name="trash"),
    path("albums/<int:pk>/trash/put-back/", trash.put_all_back, name="put-all-back"),
    path("albums/<int:pk>/trash/empty/", trash.empty, name="empty-trash"),
    path("photos/<int:pk>/", photos.detail, name="photo"),
    path("companions/<int:pk>/", photos.companion, name="companion"),
    path("photos/<int:pk>/original/", photos.original, name="original"),
    path("photos/<int:pk>/delete/", photos.delete, name="delete-photo"),
    path("photos/<int:pk>/put-back/", trash.put_back, name="put-back"),
    path("photos/<int:pk>/delete-for-ever/", trash.delete_for_ever, name="delete-for-ever"),
    path("photos/<int:pk>/<str:version>/<int:edge>.webp", photos.rendition, name="rendition"),
]
