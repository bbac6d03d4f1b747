"""What stands between a photo and its place: measured, not guessed, and told in plain words.

`body`, `patience` and `passage` go through the real front door, proxies and all, to the probe behind it (views/probe.py);
`machine` and `workshop` look around inside. Each answers diagnoses. Nothing here changes what photos are, or where.
"""
