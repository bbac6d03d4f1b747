/* A tus server in memory. A fault can be injected at any request. */
import { createHash } from "node:crypto";

export class Server {
  stored = Buffer.alloc(0);
  log = [];
  faults = []; // for the next requests, in order: a status, a response, or a function
  ended = 0;

  constructor(size) {
    this.size = size;
  }

  request = async (method, url, { headers, body, signal, onSent } = {}) => {
    signal?.throwIfAborted();
    const content = body && Buffer.from(await body.arrayBuffer());
    this.log.push(method === "PATCH" ? `PATCH ${headers["Upload-Offset"]}+${content.length}` : method);
    const fault = this.faults.shift();
    if (typeof fault === "function") return fault(() => this.#respond(method, headers, content));
    if (typeof fault === "number") return reply(fault);
    if (fault) return fault;
    onSent?.(content?.length);
    return this.#respond(method, headers, content);
  };

  #respond(method, headers, content) {
    if (this.ended) return reply(this.ended);
    if (method === "HEAD") return reply(200, this.stored.length);
    if (Number(headers["Upload-Offset"]) !== this.stored.length) return reply(409, this.stored.length);
    const digest = createHash("sha256").update(content).digest("base64");
    if (headers["Upload-Checksum"] !== `sha256 ${digest}`) return reply(460);
    this.stored = Buffer.concat([this.stored, content]);
    return reply(204, this.stored.length);
  }
}

export function reply(status, offset = null, json = null, moreHeaders = {}) {
  const headers = { "Upload-Offset": offset === null ? null : String(offset), ...moreHeaders };
  return { status, url: "", json, header: (name) => headers[name] ?? null };
}
