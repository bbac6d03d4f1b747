/* Incremental SHA-256 (FIPS 180-4). The browser's own takes a file only as a whole, and does not exist on plain http. Pure. */

// The first 32 bits of the fractional parts of the cube roots of the first 64 primes, and of the square roots of the first 8.
const PRIMES = firstPrimes(64);
const ROUNDS = Int32Array.from(PRIMES, (prime) => fraction(Math.cbrt(prime)));
const START = Int32Array.from(PRIMES.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));

const BLOCK_BYTES = 64;
const LENGTH_BYTES = 8;

export class Sha256 {
  #state = Int32Array.from(START);
  #schedule = new Int32Array(64);
  #buffer = new Uint8Array(BLOCK_BYTES);
  #filled = 0;
  #length = 0;

  /** Adds bytes, a Uint8Array. */
  update(bytes) {
    let offset = 0;
    this.#length += bytes.length;
    if (this.#filled) {
      offset = Math.min(BLOCK_BYTES - this.#filled, bytes.length);
      this.#buffer.set(bytes.subarray(0, offset), this.#filled);
      this.#filled += offset;
      if (this.#filled < BLOCK_BYTES) return this;
      this.#compress(this.#buffer, 0);
      this.#filled = 0;
    }
    for (; offset + BLOCK_BYTES <= bytes.length; offset += BLOCK_BYTES) this.#compress(bytes, offset);
    this.#buffer.set(bytes.subarray(offset));
    this.#filled = bytes.length - offset;
    return this;
  }

  /** Returns the digest's 32 bytes. Nothing can be added afterwards. */
  digest() {
    const length = this.#length;
    const padding = new Uint8Array(((BLOCK_BYTES * 2 - 1 - LENGTH_BYTES - this.#filled) % BLOCK_BYTES) + 1 + LENGTH_BYTES);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    view.setUint32(padding.length - 8, Math.floor(length / 2 ** 29)); // the length in bits, in two halves
    view.setUint32(padding.length - 4, (length << 3) >>> 0);
    this.update(padding);
    const out = new DataView(new ArrayBuffer(32));
    this.#state.forEach((word, index) => out.setInt32(index * 4, word));
    return new Uint8Array(out.buffer);
  }

  #compress(bytes, offset) {
    const w = this.#schedule;
    const state = this.#state;
    for (let i = 0; i < 16; i++, offset += 4) {
      w[i] = (bytes[offset] << 24) | (bytes[offset + 1] << 16) | (bytes[offset + 2] << 8) | bytes[offset + 3];
    }
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15]; // one by one: destructuring an array here halves the speed
      const y = w[i - 2];
      const low = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const high = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (w[i - 16] + low + w[i - 7] + high) | 0;
    }
    let a = state[0];
    let b = state[1];
    let c = state[2];
    let d = state[3];
    let e = state[4];
    let f = state[5];
    let g = state[6];
    let h = state[7];
    for (let i = 0; i < 64; i++) {
      const up = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + up + ((e & f) ^ (~e & g)) + ROUNDS[i] + w[i]) | 0;
      const down = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (down + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
  }
}

export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}

function firstPrimes(count) {
  const primes = [];
  for (let number = 2; primes.length < count; number++) {
    if (primes.every((prime) => number % prime)) primes.push(number);
  }
  return primes;
}

function fraction(root) {
  return ((root - Math.floor(root)) * 2 ** 32) | 0;
}
