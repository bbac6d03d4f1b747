/* Passkeys' options and answers between JSON, where bytes are base64url, and what browsers take and give. Pure.
   Browsers have parseCreationOptionsFromJSON and toJSON for this, but not yet those of 2023. */

export function creationOptions(json, isPasswordless) {
  const { challenge, user, excludeCredentials = [], authenticatorSelection = {} } = json;
  const alone = { residentKey: "required", requireResidentKey: true, userVerification: "required" };
  return {
    ...json,
    challenge: bytes(challenge),
    user: { ...user, id: bytes(user.id) },
    excludeCredentials: excludeCredentials.map(descriptor),
    authenticatorSelection: { ...authenticatorSelection, ...(isPasswordless ? alone : {}) },
  };
}

export function requestOptions(json) {
  const { challenge, allowCredentials = [] } = json;
  return { ...json, challenge: bytes(challenge), allowCredentials: allowCredentials.map(descriptor) };
}

export function signed(credential) {
  const { id, rawId, type, response, authenticatorAttachment } = credential;
  const parts = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  const given = parts.filter((part) => response[part]).map((part) => [part, text(response[part])]);
  return {
    id,
    rawId: text(rawId),
    type,
    authenticatorAttachment,
    response: { ...Object.fromEntries(given), ...(response.getTransports ? { transports: response.getTransports() } : {}) },
    clientExtensionResults: credential.getClientExtensionResults(),
  };
}

export function bytes(base64url) {
  const binary = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

export function text(buffer) {
  const binary = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function descriptor(json) {
  return { ...json, id: bytes(json.id) };
}
