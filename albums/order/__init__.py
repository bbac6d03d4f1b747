"""The order of an album's photos: sorting it, moving photos within it, and placing photos that arrive later.

`Photo.position` has wide gaps (docs/decisions/0024). All of its writers but the upload hold the album's lock.
"""
