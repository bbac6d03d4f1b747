/* A server that signs parts, and the bucket that they go to, in memory: what either answers can be interrupted at any request. */
import { createHash } from "node:crypto";
import { reply } from "./fake-tus-server.js";

const BUCKET = "https://bucket.example";

export class Bucket {
  stored = new Map();
  log = [];
  trouble = []; // for the next requests, in order: a status, an answer, or a function; null for none
  isOver = false;
  checking = 0; // so many times a worker is still at it

  constructor(size) {
    this.size = size;
  }

  get content() {
    return Buffer.concat([...this.stored].sort(([a], [b]) => a - b).map(([, piece]) => piece));
  }

  request = async (method, url, { body, signal, onSent } = {}) => {
    signal?.throwIfAborted();
    const content = body instanceof Blob ? Buffer.from(await body.arrayBuffer()) : body;
    this.log.push(`${method} ${url.replace(BUCKET, "bucket").replace("/parts", "")}`.trim());
    const trouble = this.trouble.shift();
    if (typeof trouble === "function") return trouble(() => this.#answer(method, url, content));
    if (typeof trouble === "number") return reply(trouble);
    if (trouble) return trouble;
    onSent?.(content?.length);
    return this.#answer(method, url, content);
  };

  #answer(method, url, content) {
    if (url.startsWith(BUCKET)) {
      this.stored.set(Number(url.slice(BUCKET.length + 1)), content);
      return reply(200);
    }
    if (this.isOver) return reply(403, null, { error: "finished", message: "" });
    const [, , what] = url.split("/");
    if (!what) return reply(200, null, [...this.stored].map(([PartNumber, { length: Size }]) => ({ PartNumber, Size, ETag: "x" })));
    if (what === "complete") return this.#join(JSON.parse(content));
    return reply(200, null, { url: `${BUCKET}/${parseInt(what, 10)}` });
  }

  #join({ sha256 }) {
    if (this.content.length !== this.size) return reply(409, null, { error: "parts-missing", message: "Some parts are missing." });
    if (this.checking-- > 0) return reply(202, null, { state: "checking" }, { "Retry-After": "0" });
    const found = createHash("sha256").update(this.content).digest("hex");
    if (sha256 !== found) return reply(422, null, { error: "not-as-declared", message: "What arrived is not what was announced." });
    this.isOver = true;
    return reply(200, null, { state: "received" });
  }
}
