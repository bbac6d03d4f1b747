"""Configuration hints for common proxies. Pure."""

from collections.abc import Mapping

TOO_LARGE = {
    "nginx": "In nginx: client_max_body_size 0;",
    "apache": "In Apache: LimitRequestBody 0",
    "cloudflare": "Cloudflare's limit is 100 MB, or more by plan. A lower one comes from another proxy.",
    "": "Raise the proxy's limit on request bodies; in nginx: client_max_body_size 0;",
}
BUFFERS = {
    "nginx": "In nginx: proxy_request_buffering off; proxy_http_version 1.1;",
    "apache": "In Apache: SetEnv proxy-sendchunked 1, without mod_buffer.",
    "cloudflare": "Cloudflare always buffers requests; there is no setting.",
    "": "Turn off request buffering in the proxy; in nginx: proxy_request_buffering off; proxy_http_version 1.1;",
}
PAUSES = {
    "nginx": "In nginx: client_body_timeout 60s; proxy_send_timeout 60s;",
    "apache": "In Apache: RequestReadTimeout body=60",
    "": "Let the proxy wait 60 s for the rest of a request; in nginx: client_body_timeout 60s;",
}
LATE = {
    "nginx": "In nginx: proxy_read_timeout 60s;",
    "apache": "In Apache: ProxyTimeout 60",
    "": "Let the proxy wait 60 s for a response; in nginx: proxy_read_timeout 60s;",
}
METHODS = {
    "nginx": "In nginx: remove limit_except, or list these methods in it.",
    "": "Let the proxy pass all methods, or have clients send POST with X-HTTP-Method-Override.",
}
STATUSES = {
    "nginx": "In nginx: proxy_intercept_errors off;",
    "apache": "In Apache: ProxyErrorOverride Off",
    "": "Let the proxy pass responses unchanged, including errors.",
}
FORWARDED = {
    "nginx": "In nginx: proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto $scheme; and set PUBLIC_URL.",
    "apache": "In Apache: ProxyPreserveHost On, RequestHeader set X-Forwarded-Proto https; and set PUBLIC_URL.",
    "": "Let the proxy forward Host and X-Forwarded-Proto unchanged, and set PUBLIC_URL to the address users open.",
}


def fitting(remedies: Mapping[str, str], server: str) -> str:
    """Returns the remedy for the proxy with this Server header."""
    name = server.lower()
    return next((remedy for proxy, remedy in remedies.items() if proxy and proxy in name), remedies[""])
