"""Configuration hints for common proxies. Pure."""

from collections.abc import Mapping

TOO_LARGE = {
    "nginx": "In nginx: client_max_body_size 0;",
    "apache": "In Apache: LimitRequestBody 0",
    "cloudflare": "Cloudflare takes 100 MB at most, or what its plan says; less than that comes from behind it.",
    "": "Raise the largest request body of the proxy in front; in nginx that is client_max_body_size 0;",
}
BUFFERS = {
    "nginx": "In nginx: proxy_request_buffering off; proxy_http_version 1.1;",
    "apache": "In Apache: SetEnv proxy-sendchunked 1, and no mod_buffer.",
    "cloudflare": "Cloudflare passes requests on when they are whole; nothing can be set.",
    "": "Let the proxy pass requests on while they arrive; in nginx: proxy_request_buffering off; proxy_http_version 1.1;",
}
PAUSES = {
    "nginx": "In nginx: client_body_timeout 60s; proxy_send_timeout 60s;",
    "apache": "In Apache: RequestReadTimeout body=60",
    "": "Let the proxy wait a minute for the rest of a body; in nginx: client_body_timeout 60s;",
}
LATE = {
    "nginx": "In nginx: proxy_read_timeout 60s;",
    "apache": "In Apache: ProxyTimeout 60",
    "": "Let the proxy wait a minute for an answer; in nginx: proxy_read_timeout 60s;",
}
METHODS = {
    "nginx": "In nginx: take away limit_except, or name these methods in it.",
    "": "Let the proxy pass all methods, or let the client send X-HTTP-Method-Override with POST.",
}
STATUSES = {
    "nginx": "In nginx: proxy_intercept_errors off;",
    "apache": "In Apache: ProxyErrorOverride Off",
    "": "Let the proxy pass answers on as they are, error pages included.",
}
FORWARDED = {
    "nginx": "In nginx: proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto $scheme; and set PUBLIC_URL.",
    "apache": "In Apache: ProxyPreserveHost On, RequestHeader set X-Forwarded-Proto https; and set PUBLIC_URL.",
    "": "Let the proxy pass on Host and X-Forwarded-Proto as people sent them, and set PUBLIC_URL to the address people use.",
}


def fitting(remedies: Mapping[str, str], server: str) -> str:
    """Returns the remedy for the proxy with this Server header."""
    name = server.lower()
    return next((remedy for proxy, remedy in remedies.items() if proxy and proxy in name), remedies[""])
