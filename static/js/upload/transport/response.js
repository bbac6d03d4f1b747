/* What an answer to a request for an upload means for the file. Pure: an answer has status, header(name) and json. */
import { retryAfter } from "./retry.js";

const AWAY = new Set([0, 502, 504]);
const BUSY = new Set([429, 503, 507]);
const SLOW = new Set([408, 413]);

/** One of
    {is: "stands", offset}      the server has so many bytes of it
    {is: "damaged"}             the part was damaged on its way
    {is: "slow"}                the part was too large for something in between, or took too long
    {is: "refused", words, code}  it will never be taken
    {is: "finished"}            it is whole, and no upload any more
    {is: "gone", words}         the upload has ended: expired, or taken back; words only where its album was deleted
    {is: "signed-out"}
    {is: "away"}                nobody answers
    {is: "busy", ms, words}     the server asks for patience; ms is null when it does not say how much
    {is: "broken", words}       anything else */
export function verdict(answer) {
  const { status } = answer;
  const offset = number(answer.header("Upload-Offset"));
  if (AWAY.has(status)) return { is: "away" };
  if (BUSY.has(status)) return { is: "busy", ms: retryAfter(answer.header("Retry-After")), words: answer.json?.message ?? "" };
  if (status >= 200 && status < 300) return offset === null ? broken(answer) : { is: "stands", offset };
  if (status === 409 && offset !== null) return { is: "stands", offset };
  const { error: code = "", message: words = "" } = answer.json ?? {};
  if (status === 403 && code === "finished") return { is: "finished" };
  if (status === 401 || status === 403) return { is: "signed-out" };
  if (status === 404 || status === 410) return { is: "gone", words: code === "album-in-trash" ? words : "" };
  if (status === 460) return { is: "damaged" };
  if (status === 413 && code) return { is: "refused", words, code }; // ours: the upload's length, not the request's
  if (SLOW.has(status)) return { is: "slow", tooLarge: status === 413 };
  return broken(answer);
}

function broken({ status, json }) {
  return { is: "broken", words: json?.message ?? `The server answered ${status}.` };
}

function number(header) {
  return header !== null && /^\d+$/.test(header) ? Number(header) : null;
}
