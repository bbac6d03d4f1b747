import assert from "node:assert/strict";
import { test } from "node:test";
import { csrfToken } from "../../static/js/csrf.js";

test("the token is in its cookie, wherever that stands", () => {
  assert.equal(csrfToken("a=b; csrftoken=T1=; c=d"), "T1=");
});

test("behind TLS the cookie's name begins with __Host-, and one of before does not count", () => {
  assert.equal(csrfToken("csrftoken=old; __Host-csrftoken=new"), "new");
});

test("a cookie whose name only ends so is another", () => {
  assert.equal(csrfToken("xcsrftoken=T1"), "");
});

test("without a cookie there is no token", () => {
  assert.equal(csrfToken(""), "");
});
