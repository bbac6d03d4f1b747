import assert from "node:assert/strict";
import test from "node:test";
import { verdict } from "../../../../static/js/upload/transport/response.js";
import { reply } from "./fake-tus-server.js";

test("an offset in a good answer is where the upload stands", () => {
  assert.deepEqual(verdict(reply(204, 17)), { is: "stands", offset: 17 });
  assert.deepEqual(verdict(reply(200, 0)), { is: "stands", offset: 0 });
  assert.deepEqual(verdict(reply(409, 5)), { is: "stands", offset: 5 });
});

test("an offset is believed only as a whole number", () => {
  for (const offset of ["-1", "1.5", "", "x"]) assert.equal(verdict(reply(204, offset)).is, "broken", offset);
});

test("a 409 that tells no offset says nothing of where the upload stands", () => {
  assert.equal(verdict(reply(409, null, { error: "revoked", message: "Taken over." })).is, "broken");
});

test("each status has its meaning", () => {
  const told = (status, code, message) => verdict(reply(status, null, code && { error: code, message })).is;
  const found = [0, 502, 504, 401, 404, 410, 460, 408, 413, 500, 400].map((status) => [status, told(status)]);
  assert.deepEqual(Object.fromEntries(found), {
    0: "away",
    400: "broken",
    401: "signed-out",
    404: "gone",
    408: "slow",
    410: "gone",
    413: "slow",
    460: "damaged",
    500: "broken",
    502: "away",
    504: "away",
  });
  assert.equal(told(403, "csrf", "Send the token."), "signed-out");
  assert.equal(told(403, "finished", "It is finished."), "finished");
  assert.equal(told(413, "too-large", "Too large."), "refused");
});

test("a proxy's 413 has no code, and is about the request alone", () => {
  assert.deepEqual(verdict(reply(413)), { is: "slow", tooLarge: true });
  assert.deepEqual(verdict(reply(408)), { is: "slow", tooLarge: false });
});

test("who asks for patience says how much", () => {
  const busy = (status) => verdict(reply(status, null, { error: "memory", message: "Short of memory." }, { "Retry-After": "30" }));
  for (const status of [429, 503, 507]) assert.deepEqual(busy(status), { is: "busy", ms: 30_000, words: "Short of memory." });
  assert.deepEqual(verdict(reply(503)), { is: "busy", ms: null, words: "" });
});
