import assert from "node:assert/strict";
import { test } from "node:test";
import { csrfToken } from "../../static/js/csrf.js";

test("the token is read from its cookie in any position", () => {
  assert.equal(csrfToken("a=b; csrftoken=T1=; c=d"), "T1=");
});

test("the cookie with the prefix __Host- takes precedence over one without it", () => {
  assert.equal(csrfToken("csrftoken=old; __Host-csrftoken=new"), "new");
});

test("a cookie with another name of the same ending is ignored", () => {
  assert.equal(csrfToken("xcsrftoken=T1"), "");
});

test("without a cookie there is no token", () => {
  assert.equal(csrfToken(""), "");
});
