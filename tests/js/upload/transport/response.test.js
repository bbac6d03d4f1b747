import assert from "node:assert/strict";
import test from "node:test";
import { interpret } from "../../../../static/js/upload/transport/response.js";
import { reply } from "./fake-tus-server.js";

test("the offset of the upload is read from successful responses and from a 409", () => {
  assert.deepEqual(interpret(reply(204, 17)), { kind: "offset", offset: 17 });
  assert.deepEqual(interpret(reply(200, 0)), { kind: "offset", offset: 0 });
  assert.deepEqual(interpret(reply(409, 5)), { kind: "offset", offset: 5 });
});

test("an offset that is no whole number is an error", () => {
  for (const offset of ["-1", "1.5", "", "x"]) assert.equal(interpret(reply(204, offset)).kind, "error", offset);
});

test("a 409 without an offset is an error", () => {
  assert.equal(interpret(reply(409, null, { error: "revoked", message: "Taken over." })).kind, "error");
});

test("each status is interpreted", () => {
  const kindOf = (status, code, message) => interpret(reply(status, null, code && { error: code, message })).kind;
  const kinds = [0, 502, 504, 401, 404, 410, 460, 408, 413, 500, 400].map((status) => [status, kindOf(status)]);
  assert.deepEqual(Object.fromEntries(kinds), {
    0: "unreachable",
    400: "error",
    401: "signed-out",
    404: "gone",
    408: "too-slow",
    410: "gone",
    413: "too-slow",
    460: "corrupted",
    500: "error",
    502: "unreachable",
    504: "unreachable",
  });
  assert.equal(kindOf(403, "csrf", "Send the token."), "signed-out");
  assert.equal(kindOf(403, "finished", "It is finished."), "finished");
  assert.equal(kindOf(413, "too-large", "Too large."), "rejected");
});

test("a 413 without a code comes from a proxy and concerns the size of the request", () => {
  assert.deepEqual(interpret(reply(413)), { kind: "too-slow", isTooLarge: true });
  assert.deepEqual(interpret(reply(408)), { kind: "too-slow", isTooLarge: false });
});

test("a busy server returns the time to wait", () => {
  const busy = (status) => interpret(reply(status, null, { error: "memory", message: "Short of memory." }, { "Retry-After": "30" }));
  for (const status of [429, 503, 507]) assert.deepEqual(busy(status), { kind: "busy", ms: 30_000, message: "Short of memory." });
  assert.deepEqual(interpret(reply(503)), { kind: "busy", ms: null, message: "" });
});
