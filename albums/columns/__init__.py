"""What columns of photos mean: orientations, sort keys, and SQL expressions over times. Imports no models."""
