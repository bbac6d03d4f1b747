from django.urls import path

from albums.views import albums, photos

app_name = "albums"

urlpatterns = [
    path("albums/", albums.index, name="list"),
    path("albums/new/", albums.create, name="create"),
    path("albums/<int:pk>/", albums.detail, name="detail"),
    path("albums/<int:pk>/edit/", albums.edit, name="edit"),
    path("albums/<int:pk>/delete/", albums.delete, name="delete"),
    path("photos/<int:pk>/", photos.detail, name="photo"),
    path("photos/<int:pk>/original/", photos.original, name="original"),
    path("photos/<int:pk>/delete/", photos.delete, name="delete-photo"),
    path("photos/<int:pk>/<str:version>/<int:edge>.webp", photos.rendition, name="rendition"),
]
