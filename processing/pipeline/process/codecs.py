"""The versions of the picture codecs. `python -m processing.pipeline.process.codecs` prints them as JSON."""

import json
import sys
from importlib import import_module, metadata

import pillow_heif
from PIL import features


def versions() -> dict[str, str | None]:
    """The version of each codec; None if it is missing."""
    turbo = " (turbo)" if features.check_feature("libjpeg_turbo") else ""
    jpeg = features.version("jpg")
    return {
        "Pillow": features.version("pil"),
        "JPEG": f"{jpeg}{turbo}" if jpeg else None,
        "WebP": features.version("webp"),
        "AVIF": features.version("avif"),
        "HEIC": pillow_heif.libheif_version(),
        "TIFF": features.version("libtiff"),
        "JPEG XL": _plugin_version("pillow_jxl", "pillow-jxl-plugin"),
        "camera RAW": _plugin_version("rawpy", "rawpy"),
        "colour profiles": features.version("littlecms2"),
    }


def _plugin_version(module: str, package: str) -> str | None:
    """The version of a package, or None if it cannot be imported: its libraries may not run on this machine."""
    try:
        import_module(module)
        return metadata.version(package)
    except (ImportError, OSError):
        return None


if __name__ == "__main__":
    json.dump(versions(), sys.stdout)
