/* What the response to an upload request means for the file. Pure. */
import { retryAfter } from "./retry.js";

const UNREACHABLE = new Set([0, 502, 504]);
const BUSY = new Set([429, 503, 507]);
const TOO_SLOW = new Set([408, 413]);

/** The outcome of a request, from its response {status, header(name), json}. One of
    {kind: "offset", offset}            the server has stored so many bytes of the upload
    {kind: "corrupted"}                 the checksum of the chunk did not match
    {kind: "too-slow", isTooLarge}      the chunk was too large for a proxy, or took too long
    {kind: "rejected", message, code}   the server will never accept the file
    {kind: "finished"}                  the upload is complete already
    {kind: "gone", message}             the upload was cancelled or has expired; a message only when its album was deleted
    {kind: "signed-out"}
    {kind: "unreachable"}               no response
    {kind: "busy", ms, message}         the server asks to wait; ms is null when it does not say how long
    {kind: "error", message}            anything else */
export function interpret(response) {
  const { status } = response;
  const offset = parseOffset(response.header("Upload-Offset"));
  if (UNREACHABLE.has(status)) return { kind: "unreachable" };
  if (BUSY.has(status)) return { kind: "busy", ms: retryAfter(response.header("Retry-After")), message: response.json?.message ?? "" };
  if (status >= 200 && status < 300) return offset === null ? error(response) : { kind: "offset", offset };
  if (status === 409 && offset !== null) return { kind: "offset", offset };
  const { error: code = "", message = "" } = response.json ?? {};
  if (status === 403 && code === "finished") return { kind: "finished" };
  if (status === 401 || status === 403) return { kind: "signed-out" };
  if (status === 404 || status === 410) return { kind: "gone", message: code === "album-in-trash" ? message : "" };
  if (status === 460) return { kind: "corrupted" };
  if (status === 413 && code) return { kind: "rejected", message, code }; // Darkroom's own 413: the file is too large, not the request
  if (TOO_SLOW.has(status)) return { kind: "too-slow", isTooLarge: status === 413 };
  return error(response);
}

function error({ status, json }) {
  return { kind: "error", message: json?.message ?? `The server responded with status ${status}.` };
}

function parseOffset(header) {
  return header !== null && /^\d+$/.test(header) ? Number(header) : null;
}
