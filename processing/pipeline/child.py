"""The former name of `processing.pipeline.process.child`.

A worker that was started before an upgrade starts its next child by this name, with the new code on disk.
"""

import sys
from pathlib import Path

from processing.pipeline.process.child import main

if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
