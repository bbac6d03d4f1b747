import assert from "node:assert/strict";
import test from "node:test";
import { creationOptions, credentialJson, decodeBytes, encodeBytes, requestOptions } from "../../static/js/webauthn-json.js";

const raw = (...numbers) => Uint8Array.from(numbers);

test("bytes survive encoding as base64url and decoding", () => {
  for (const length of [0, 1, 2, 3, 4, 255]) {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 37 + 250) % 256);
    assert.deepEqual(decodeBytes(encodeBytes(bytes)), bytes);
  }
  assert.equal(encodeBytes(raw(251, 255)), "-_8");
});

test("options for creating a passkey contain bytes instead of base64url", () => {
  const json = { challenge: "-_8", user: { id: "AQ", name: "anna" }, excludeCredentials: [{ id: "Ag", type: "public-key" }] };

  const options = creationOptions(json, false);

  assert.deepEqual(options.challenge, raw(251, 255));
  assert.deepEqual(options.user, { id: raw(1), name: "anna" });
  assert.deepEqual(options.excludeCredentials, [{ id: raw(2), type: "public-key" }]);
  assert.deepEqual(options.authenticatorSelection, {});
});

test("a passkey for signing in without a password is discoverable and verifies the user", () => {
  const options = creationOptions({ challenge: "", user: { id: "" }, authenticatorSelection: { residentKey: "discouraged" } }, true);

  const passwordless = { residentKey: "required", requireResidentKey: true, userVerification: "required" };
  assert.deepEqual(options.authenticatorSelection, passwordless);
});

test("options for signing in list the allowed passkeys", () => {
  const options = requestOptions({ challenge: "AQ", allowCredentials: [{ id: "Ag", type: "public-key" }], rpId: "localhost" });

  assert.deepEqual(options, { challenge: raw(1), allowCredentials: [{ id: raw(2), type: "public-key" }], rpId: "localhost" });
  assert.deepEqual(requestOptions({ challenge: "AQ" }).allowCredentials, []);
});

test("the JSON of a credential omits empty fields", () => {
  const credential = {
    id: "AQ",
    rawId: raw(1).buffer,
    type: "public-key",
    authenticatorAttachment: "platform",
    response: { clientDataJSON: raw(2).buffer, signature: raw(3).buffer, userHandle: null },
    getClientExtensionResults: () => ({}),
  };

  assert.deepEqual(credentialJson(credential), {
    id: "AQ",
    rawId: "AQ",
    type: "public-key",
    authenticatorAttachment: "platform",
    response: { clientDataJSON: "Ag", signature: "Aw" },
    clientExtensionResults: {},
  });
});
