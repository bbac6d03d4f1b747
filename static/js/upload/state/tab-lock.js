/* One tab at a time sends to an album: by a Web Lock, or, on plain http where there are none, by asking the other tabs. */

const ASK_MS = 200;
const ASK_AGAIN_MS = 2000;

export class Turns {
  /** Does another tab have its turn now? */
  isWaiting = false;
  #held = new Map();
  #onChange;

  constructor(onChange) {
    this.#onChange = onChange;
  }

  get albums() {
    return [...this.#held.keys()];
  }

  /** Resolves when it is this tab's turn to send to the album. */
  async take(album) {
    if (this.#held.has(album)) return;
    const name = nameOf(album);
    const wait = () => this.#say(true);
    const release = await (navigator.locks ? takeLock(name, wait) : takeByAsking(name, wait));
    this.#held.set(album, release);
    this.#say(false);
  }

  /** Resolves with whether another tab has its turn in one of these albums now. */
  async isElsewhere(albums) {
    const names = albums.filter((album) => !this.#held.has(album)).map(nameOf);
    if (!navigator.locks) return (await Promise.all(names.map(isHeld))).includes(true);
    const { held } = await navigator.locks.query();
    return held.some(({ name }) => names.includes(name));
  }

  letGo() {
    for (const release of this.#held.values()) release();
    this.#held.clear();
  }

  #say(isWaiting) {
    if (isWaiting === this.isWaiting) return;
    this.isWaiting = isWaiting;
    this.#onChange();
  }
}

function nameOf(album) {
  return `darkroom-album-${album}`;
}

function takeLock(name, onWait) {
  return new Promise((taken) => {
    const hold = () => new Promise((release) => taken(release));
    navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      if (lock) return hold();
      onWait();
      navigator.locks.request(name, hold);
    });
  });
}

async function takeByAsking(name, onWait) {
  const channel = new BroadcastChannel(name);
  const me = Math.random();
  let [rival, holds] = [false, false];
  channel.onmessage = ({ data }) => {
    // Of two that ask at the same moment, the smaller number goes first.
    if ((data.asks !== undefined && (holds || me < data.asks)) || (data.looks && holds)) channel.postMessage({ holds: true });
    if (data.holds) rival = true;
  };
  for (let waits = 0; ; waits++) {
    rival = false;
    channel.postMessage({ asks: me });
    await new Promise((done) => setTimeout(done, ASK_MS));
    if (!rival) break;
    if (!waits) onWait();
    await new Promise((done) => setTimeout(done, ASK_AGAIN_MS));
  }
  holds = true;
  return () => channel.close();
}

async function isHeld(name) {
  const channel = new BroadcastChannel(name);
  const answer = new Promise((done) => (channel.onmessage = ({ data }) => data.holds && done(true)));
  channel.postMessage({ looks: true });
  const isSo = await Promise.race([answer, new Promise((done) => setTimeout(() => done(false), ASK_MS))]);
  channel.close();
  return isSo;
}
