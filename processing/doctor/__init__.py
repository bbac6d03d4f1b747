"""What stands between a photo and its place: measured, not guessed, and told in plain words.

`request_size`, `timeouts` and `proxy_passthrough` go through the real front door, proxies and all, to the probe behind it
(views/probe.py); `host` and `services` look around inside. Each returns diagnoses. Nothing here changes what photos are, or
where.
"""
