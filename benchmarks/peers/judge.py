"""SSIMULACRA2 of renditions: reads `[[photo, rendition], …]` as JSON from its input and prints the scores in the same order.

Each is held against its photo, decoded whole, upright, in sRGB and made that small in one step.
"""

import json
import sys
import tempfile
from io import BytesIO
from multiprocessing import Pool
from pathlib import Path

from PIL import Image, ImageCms, ImageOps
from ssimulacra2 import compute_ssimulacra2


def score(pair: tuple[str, str]) -> float:
    photo, rendition = pair
    with tempfile.TemporaryDirectory() as directory, Image.open(rendition) as shown, Image.open(photo) as original:
        upright = ImageOps.exif_transpose(original)
        if profile := original.info.get("icc_profile"):
            embedded_profile, srgb_profile = ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB")
            upright = ImageCms.profileToProfile(upright, embedded_profile, srgb_profile, outputMode="RGB") or upright
        pngs = [str(Path(directory) / name) for name in ("meant.png", "shown.png")]
        upright.convert("RGB").resize(shown.size, Image.Resampling.LANCZOS).save(pngs[0], compress_level=1)
        shown.convert("RGB").save(pngs[1], compress_level=1)
        return float(compute_ssimulacra2(*pngs))


if __name__ == "__main__":
    with Pool(2) as pool:
        print(json.dumps(pool.map(score, json.load(sys.stdin), chunksize=1)))
