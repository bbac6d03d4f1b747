/* Locks between tabs: Web Locks, or on plain http, where there are none, messages between tabs. A lock for each album, so that one tab at a time
   sends to it, and one for each tab, which shows the others that it is open. */

const ASK_MS = 200;
const ASK_AGAIN_MS = 2000;

export class TabLock {
  /** Whether this tab is waiting for another tab's lock. */
  isWaiting = false;
  #releases = new Map();
  #onChange;
  #kind;

  /** `kind` is what the ids of the locks belong to: "album" or "tab". */
  constructor(onChange = () => {}, kind = "album") {
    this.#onChange = onChange;
    this.#kind = kind;
  }

  /** The ids that this tab has locked. */
  get ids() {
    return [...this.#releases.keys()];
  }

  /** Resolves when this tab has the lock. */
  async acquire(id) {
    if (this.#releases.has(id)) return;
    const name = this.#nameOf(id);
    const onWait = () => this.#setWaiting(true);
    const release = await (navigator.locks ? acquireWebLock(name, onWait) : acquireByMessages(name, onWait));
    this.#releases.set(id, release);
    this.#setWaiting(false);
  }

  /** Resolves with whether another tab has one of these locks. */
  async isHeldElsewhere(ids) {
    const names = ids.filter((id) => !this.#releases.has(id)).map((id) => this.#nameOf(id));
    if (!navigator.locks) return (await Promise.all(names.map(isHeldByMessages))).includes(true);
    const { held } = await navigator.locks.query();
    return held.some(({ name }) => names.includes(name));
  }

  releaseAll() {
    for (const release of this.#releases.values()) release();
    this.#releases.clear();
  }

  #setWaiting(isWaiting) {
    if (isWaiting === this.isWaiting) return;
    this.isWaiting = isWaiting;
    this.#onChange();
  }

  #nameOf(id) {
    return `darkroom-${this.#kind}-${id}`;
  }
}

function acquireWebLock(name, onWait) {
  return new Promise((resolve) => {
    const hold = () => new Promise((release) => resolve(release));
    navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      if (lock) return hold();
      onWait();
      navigator.locks.request(name, hold);
    });
  });
}

/** The messages {asks, holds, looks} are understood by tabs of earlier releases too, which may still be open. */
async function acquireByMessages(name, onWait) {
  const channel = new BroadcastChannel(name);
  const ticket = Math.random();
  let [hasRival, isHeld] = [false, false];
  channel.onmessage = ({ data }) => {
    // Of two tabs that ask at the same moment, the one with the smaller ticket goes first.
    if ((data.asks !== undefined && (isHeld || ticket < data.asks)) || (data.looks && isHeld)) channel.postMessage({ holds: true });
    if (data.holds) hasRival = true;
  };
  for (let waits = 0; ; waits++) {
    hasRival = false;
    channel.postMessage({ asks: ticket });
    await new Promise((resolve) => setTimeout(resolve, ASK_MS));
    if (!hasRival) break;
    if (!waits) onWait();
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
  }
  isHeld = true;
  return () => channel.close();
}

async function isHeldByMessages(name) {
  const channel = new BroadcastChannel(name);
  const reply = new Promise((resolve) => (channel.onmessage = ({ data }) => data.holds && resolve(true)));
  channel.postMessage({ looks: true });
  const isHeld = await Promise.race([reply, new Promise((resolve) => setTimeout(() => resolve(false), ASK_MS))]);
  channel.close();
  return isHeld;
}
