/* The CSRF token that Django requires with every unsafe request. */

/** Reads the token from the cookie, again for each request, since signing in changes it. Behind TLS the cookie's name begins with __Host-;
    a cookie without the prefix was set before TLS was turned on. */
export function csrfToken(cookies = document.cookie) {
  const find = (name) => cookies.split("; ").find((cookie) => cookie.startsWith(`${name}=`));
  const cookie = find("__Host-csrftoken") ?? find("csrftoken") ?? "";
  return cookie.slice(cookie.indexOf("=") + 1);
}
