"""Pillow's plugin for HEIF. Pillow itself reads AVIF, but no HEIC."""

import pillow_heif


def register() -> None:
    """Makes Pillow open and save HEIF in this process. Idempotent."""
    # Without thumbnails=False, draft() decodes the thumbnail instead of the picture.
    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=2)
