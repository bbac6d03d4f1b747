/* Converts WebAuthn options and credentials between JSON, where bytes are base64url, and the browser's objects. Pure. Browsers have
   parseCreationOptionsFromJSON and toJSON for this, but those of 2023 do not. */

export function creationOptions(json, isPasswordless) {
  const { challenge, user, excludeCredentials = [], authenticatorSelection = {} } = json;
  const passwordless = { residentKey: "required", requireResidentKey: true, userVerification: "required" };
  return {
    ...json,
    challenge: decodeBytes(challenge),
    user: { ...user, id: decodeBytes(user.id) },
    excludeCredentials: excludeCredentials.map(descriptor),
    authenticatorSelection: { ...authenticatorSelection, ...(isPasswordless ? passwordless : {}) },
  };
}

export function requestOptions(json) {
  const { challenge, allowCredentials = [] } = json;
  return { ...json, challenge: decodeBytes(challenge), allowCredentials: allowCredentials.map(descriptor) };
}

/** The credential as JSON. Fields of its response that the passkey did not provide are left out. */
export function credentialJson(credential) {
  const { id, rawId, type, response, authenticatorAttachment } = credential;
  const byteFields = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  const fields = byteFields.filter((field) => response[field]).map((field) => [field, encodeBytes(response[field])]);
  return {
    id,
    rawId: encodeBytes(rawId),
    type,
    authenticatorAttachment,
    response: { ...Object.fromEntries(fields), ...(response.getTransports ? { transports: response.getTransports() } : {}) },
    clientExtensionResults: credential.getClientExtensionResults(),
  };
}

export function decodeBytes(base64url) {
  const binary = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

export function encodeBytes(buffer) {
  const binary = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function descriptor(json) {
  return { ...json, id: decodeBytes(json.id) };
}
