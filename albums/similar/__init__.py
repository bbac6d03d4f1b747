"""The photos of an album that look alike, side by side, to keep the sharper ones."""
