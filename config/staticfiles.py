"""Static files storage with hashed file names, so that browsers can cache the files indefinitely."""

from whitenoise.storage import CompressedManifestStaticFilesStorage

OUR_MODULES = (
    "js/*.js",
    (
        (r"""(?P<matched>from\s*["'](?P<url>\.{1,2}/[^"']+)["'])""", 'from "%(url)s"'),
        (r"""(?P<matched>import\s*["'](?P<url>\.{1,2}/[^"']+)["'])""", 'import "%(url)s"'),
        (r"""(?P<matched>new URL\(\s*["'](?P<url>\.{1,2}/[^"']+)["'])""", 'new URL("%(url)s"'),
    ),
)
"""The relative URLs in our own ES modules: other modules and workers."""


class HashedStatic(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Also replaces the URLs in our own ES modules by hashed ones.

    Django's option for this (support_js_module_import_aggregation) parses the scripts of all packages, and fails on some.
    """

    patterns = (*CompressedManifestStaticFilesStorage.patterns, OUR_MODULES)
