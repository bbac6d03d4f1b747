"""Static files under names that carry their hash, so that browsers may keep them for ever."""

from whitenoise.storage import CompressedManifestStaticFilesStorage

OUR_MODULES = (
    "js/*.js",
    (
        (r"""(?P<matched>from\s*["'](?P<url>\.{1,2}/[^"']+)["'])""", 'from "%(url)s"'),
        (r"""(?P<matched>import\s*["'](?P<url>\.{1,2}/[^"']+)["'])""", 'import "%(url)s"'),
        (r"""(?P<matched>new URL\(\s*["'](?P<url>\.{1,2}/[^"']+)["'])""", 'new URL("%(url)s"'),
    ),
)
"""What an ES module of ours asks for by a relative address: other modules, and workers."""


class HashedStatic(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Hashes the addresses inside our own ES modules too.

    Django's switch for that (support_js_module_import_aggregation) reads every package's scripts and stumbles over theirs.
    """

    patterns = (*CompressedManifestStaticFilesStorage.patterns, OUR_MODULES)
