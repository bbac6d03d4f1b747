"""The doctor: measures what may prevent uploads from working.

`request_size`, `timeouts` and `proxy_passthrough` send requests through the real front door, including all proxies, to the
probe (views/probe.py). `host` and `services` check the server from inside. Each returns diagnoses. No check changes photos or
their files.
"""
