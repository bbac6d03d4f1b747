"""What kinds of pictures this Pillow can read and write, by version.

`python -m processing.pipeline.process.codecs` prints it as JSON.
"""

import json
import sys
from importlib import import_module, metadata

import pillow_heif
from PIL import features


def versions() -> dict[str, str | None]:
    """None for what is missing."""
    turbo = " (turbo)" if features.check_feature("libjpeg_turbo") else ""
    jpeg = features.version("jpg")
    return {
        "Pillow": features.version("pil"),
        "JPEG": f"{jpeg}{turbo}" if jpeg else None,
        "WebP": features.version("webp"),
        "AVIF": features.version("avif"),
        "HEIC": pillow_heif.libheif_version(),
        "TIFF": features.version("libtiff"),
        "JPEG XL": _of_plugin("pillow_jxl", "pillow-jxl-plugin"),
        "camera RAW": _of_plugin("rawpy", "rawpy"),
        "colour profiles": features.version("littlecms2"),
    }


def _of_plugin(module: str, package: str) -> str | None:
    """The version of a package that can be loaded, too: its libraries may not suit this machine."""
    try:
        import_module(module)
        return metadata.version(package)
    except (ImportError, OSError):
        return None


if __name__ == "__main__":
    json.dump(versions(), sys.stdout)
