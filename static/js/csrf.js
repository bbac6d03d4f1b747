// The token that Django wants with every request that changes something.

/** From the cookie: it is renewed at signing in, so it is read each time. Behind TLS its name begins with __Host-; one without is of
    before. */
export function csrfToken(cookies = document.cookie) {
  const found = (name) => cookies.split("; ").find((cookie) => cookie.startsWith(`${name}=`));
  const cookie = found("__Host-csrftoken") ?? found("csrftoken") ?? "";
  return cookie.slice(cookie.indexOf("=") + 1);
}
