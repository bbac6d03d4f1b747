"""Static files storage with hashed file names, so that browsers can cache the files indefinitely."""

from whitenoise.storage import CompressedManifestStaticFilesStorage

BUNDLES = ("bundles/*.js", ((r"""(?P<matched>new URL\(["'](?P<url>\./[^"']+)["'])""", 'new URL("%(url)s"'),))
"""The relative URLs in our bundled scripts: those of workers."""


class HashedStatic(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Also replaces the URLs in our bundled scripts by hashed ones.

    Django's option for this (support_js_module_import_aggregation) parses the scripts of all packages, and fails on some.
    """

    patterns = (*CompressedManifestStaticFilesStorage.patterns, BUNDLES)
