"""The condition by which the database finds edited photos."""

from django.db.models import Q

from albums.columns import orientation

IS_EDITED = (
    Q(edited_title__isnull=False)
    | Q(edited_caption__isnull=False)
    | Q(edited_keywords__isnull=False)
    | Q(edited_rating__isnull=False)
    | Q(edited_taken_at__isnull=False)
    | Q(edited_latitude__isnull=False)
    | Q(location_removed=True)
    | ~Q(alt_text="")
    | ~Q(orientation=orientation.UPRIGHT)
)
"""A condition on photos: a user has edited or rotated them."""
