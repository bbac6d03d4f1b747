/* A server that signs parts, and the bucket that stores them, in memory. A fault can be injected at any request. */
import { createHash } from "node:crypto";
import { reply } from "./fake-tus-server.js";

const BUCKET = "https://bucket.example";

export class Bucket {
  stored = new Map();
  log = [];
  faults = []; // for the next requests, in order: a status, a response, or a function; null for none
  isFinished = false;
  checking = 0; // how many requests for completion find a worker still verifying

  constructor(size) {
    this.size = size;
  }

  get content() {
    return Buffer.concat([...this.stored].sort(([a], [b]) => a - b).map(([, part]) => part));
  }

  request = async (method, url, { body, signal, onSent } = {}) => {
    signal?.throwIfAborted();
    const content = body instanceof Blob ? Buffer.from(await body.arrayBuffer()) : body;
    this.log.push(`${method} ${url.replace(BUCKET, "bucket").replace("/parts", "")}`.trim());
    const fault = this.faults.shift();
    if (typeof fault === "function") return fault(() => this.#respond(method, url, content));
    if (typeof fault === "number") return reply(fault);
    if (fault) return fault;
    onSent?.(content?.length);
    return this.#respond(method, url, content);
  };

  #respond(method, url, content) {
    if (url.startsWith(BUCKET)) {
      this.stored.set(Number(url.slice(BUCKET.length + 1)), content);
      return reply(200);
    }
    if (this.isFinished) return reply(403, null, { error: "finished", message: "" });
    const [, , action] = url.split("/");
    if (!action) return reply(200, null, [...this.stored].map(([PartNumber, { length: Size }]) => ({ PartNumber, Size, ETag: "x" })));
    if (action === "complete") return this.#complete(JSON.parse(content));
    return reply(200, null, { url: `${BUCKET}/${parseInt(action, 10)}` });
  }

  #complete({ sha256 }) {
    if (this.content.length !== this.size) return reply(409, null, { error: "parts-missing", message: "Some parts are missing." });
    if (this.checking-- > 0) return reply(202, null, { state: "checking" }, { "Retry-After": "0" });
    const actual = createHash("sha256").update(this.content).digest("hex");
    if (sha256 !== actual) return reply(422, null, { error: "not-as-declared", message: "What arrived is not what was announced." });
    this.isFinished = true;
    return reply(200, null, { state: "received" });
  }
}
