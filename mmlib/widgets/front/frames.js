// The frames that the browser holds. It asks the kernel for what it misses, the current plane first and then outward, in
// small batches: the next request says how many frames have arrived, which is the acknowledgement. Frames are kept as
// they came (JPEG previews); those near the current plane are kept decoded too. At rest the exact frame is asked for.

const ENCODED_CAP = 64 * 2 ** 20; // bytes of previews
const DECODED_CAP = 64 * 2 ** 20; // bytes of bitmaps
const BATCH = 8; // frames asked for at a time
const AHEAD = 4; // frames decoded ahead in the direction of travel
const SILENCE_MS = 4000; // after which a request counts as lost

/** The plane that a pane shows when the common plane is `index`. */
export function planeOf(pane, index) {
  return Math.min(Math.max(index, 0), pane.count - 1);
}

/** All frames of one model, shared by its views. */
export class Frames {
  constructor(send) {
    this.send = send;
    this.client = Math.random().toString(36).slice(2, 12);
    this.panes = [];
    this.token = null;
    this.index = 0;
    this.direction = 1;
    this.resting = false;
    this.seen = 0; // frames received
    this.encoded = new Map(); // name -> {key, plane, blob, bytes}
    this.decoded = new Map(); // name -> {key, plane, bitmap, bytes, exact: false}
    this.exact = new Map(); // name -> the same, exact: true
    this.decoding = new Set();
    this.asked = new Set();
    this.failures = new Map(); // name -> reason
    this.pins = new Map(); // a view -> entries it may still draw
    this.listeners = new Set();
    this.silence = 0;
  }

  /** Show other panes: keep the frames that are still wanted, forget the rest. */
  show(panes, token, index) {
    this.panes = panes;
    this.token = token;
    this.index = index;
    const keys = new Set(panes.map((pane) => pane.key));
    for (const store of [this.encoded, this.decoded, this.exact]) {
      for (const [name, entry] of store) if (!keys.has(entry.key)) this.drop(store, name);
    }
    this.asked.clear();
    this.failures.clear();
    this.ask();
  }

  /** Look at another plane: decode around it and ask for what is missing. */
  look(index, direction) {
    this.index = index;
    if (direction) this.direction = direction;
    this.ask();
    this.decodeAround(index);
  }

  // This plane first and alone; then, one after the other, those that the next steps will show.
  async decodeAround(index) {
    await Promise.all(this.panes.map((pane) => this.decode(pane.key, planeOf(pane, index))));
    for (const step of [1, -1, ...Array.from({ length: AHEAD - 1 }, (_, i) => i + 2)]) {
      if (this.index !== index) return;
      const plane = index + step * this.direction;
      await Promise.all(this.panes.map((pane) => this.decode(pane.key, planeOf(pane, plane))));
    }
  }

  /** Say whether the view is at rest, so that exact frames are worth asking for. */
  rest(resting) {
    this.resting = resting;
    if (resting) this.ask();
  }

  /** The best bitmap held of what a pane shows at a plane, or undefined. */
  get(pane, index) {
    const name = nameOf(pane.key, planeOf(pane, index));
    return this.exact.get(name) ?? this.decoded.get(name);
  }

  /** Why a frame could not be had, or undefined. */
  failure(pane, index) {
    return this.failures.get(nameOf(pane.key, planeOf(pane, index)));
  }

  /** How many previews of a pane are held, or cannot be had. */
  held(pane) {
    let count = 0;
    for (const name of this.failures.keys()) if (name.startsWith(`${pane.key}/`)) count += 1;
    for (const entry of this.encoded.values()) if (entry.key === pane.key) count += 1;
    return count;
  }

  /** Take a message of the kernel. */
  async receive(message, buffers) {
    if (message.client !== this.client) return;
    this.seen += 1;
    if (message.token !== this.token) return;
    const { key, plane, quality } = message;
    const name = nameOf(key, plane);
    this.asked.delete(quality + name);
    if (message.type === "failed") {
      this.failures.set(name, message.reason);
      this.tell();
    } else {
      const blob = new Blob([buffers[0]], { type: quality === "exact" ? "image/png" : "image/jpeg" });
      if (quality === "exact") {
        await this.open(this.exact, name, key, plane, blob, true);
      } else {
        this.encoded.set(name, { key, plane, blob, bytes: blob.size });
        this.evict(this.encoded, ENCODED_CAP, 0);
        if (Math.abs(plane - this.index) <= AHEAD || this.panes.some((pane) => pane.count === 1)) this.decode(key, plane);
        else this.tell();
      }
    }
    this.ask();
  }

  /** Decode a preview that is held, once. */
  async decode(key, plane) {
    const name = nameOf(key, plane);
    const entry = this.encoded.get(name);
    if (!entry || this.decoded.has(name) || this.decoding.has(name) || this.failures.has(name)) return;
    this.decoding.add(name);
    await this.open(this.decoded, name, key, plane, entry.blob, false);
    this.decoding.delete(name);
  }

  async open(store, name, key, plane, blob, exact) {
    try {
      const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" });
      if (!this.panes.some((pane) => pane.key === key)) return bitmap.close();
      store.set(name, { key, plane, bitmap, bytes: 4 * bitmap.width * bitmap.height, exact });
      this.evict(store, exact ? DECODED_CAP / 2 : DECODED_CAP, exact ? this.panes.length : 2 * this.panes.length);
    } catch {
      this.failures.set(name, "this frame could not be decoded");
    }
    this.tell();
  }

  /** Send the next request unless the last one still covers it. */
  ask() {
    if (this.token === null) return;
    const missing = this.missing(BATCH);
    const news = missing.filter(({ id }) => !this.asked.has(id));
    const urgent = missing.length && !this.asked.has(missing[0].id);
    if (!news.length || (!urgent && this.asked.size > BATCH / 2)) return;
    this.request(missing, false);
  }

  request(missing, again) {
    this.asked = new Set(missing.map(({ id }) => id));
    const frames = missing.map(({ key, plane, quality }) => [key, plane, quality]);
    this.send({ type: "want", client: this.client, token: this.token, seen: this.seen, again, frames });
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      const still = this.missing(BATCH);
      if (still.length) this.request(still, true);
    }, SILENCE_MS);
  }

  /** The most urgent frames that are missing: this plane, its exact frame at rest, then outward. */
  missing(limit) {
    const wanted = [];
    const names = new Set();
    const want = (pane, plane, quality) => {
      const name = nameOf(pane.key, plane);
      const id = quality + name;
      if (names.has(id) || this.failures.has(name)) return;
      if ((quality === "exact" ? this.exact : this.encoded).has(name)) return;
      if (quality === "preview" && pane.count === 1 && this.exact.has(name)) return;
      names.add(id);
      wanted.push({ id, key: pane.key, plane, quality });
    };
    for (const pane of this.panes) want(pane, planeOf(pane, this.index), "preview");
    if (this.resting) for (const pane of this.panes) if (pane.exact) want(pane, planeOf(pane, this.index), "exact");
    let bytes = 0;
    let farthest = 0;
    for (const entry of this.encoded.values()) {
      bytes += entry.bytes;
      farthest = Math.max(farthest, Math.abs(entry.plane - this.index));
    }
    const mean = bytes / Math.max(this.encoded.size, 1);
    const longest = Math.max(0, ...this.panes.map((pane) => pane.count));
    for (let distance = 1; distance < longest && wanted.length < limit; distance += 1) {
      if (bytes + mean * (wanted.length + 2 * this.panes.length) > ENCODED_CAP && distance >= farthest - 1) break;
      for (const side of [this.direction, -this.direction]) {
        const plane = this.index + side * distance;
        for (const pane of this.panes) if (plane >= 0 && plane < pane.count) want(pane, plane, "preview");
      }
    }
    return wanted.slice(0, limit);
  }

  evict(store, cap, least) {
    let bytes = 0;
    for (const entry of store.values()) bytes += entry.bytes;
    if (bytes <= cap) return;
    const pinned = new Set([...this.pins.values()].flat());
    const far = [...store].sort(([, a], [, b]) => Math.abs(b.plane - this.index) - Math.abs(a.plane - this.index));
    for (const [name, entry] of far) {
      if (bytes <= cap || store.size <= least) return;
      if (pinned.has(entry)) continue;
      bytes -= entry.bytes;
      this.drop(store, name);
    }
  }

  drop(store, name) {
    const entry = store.get(name);
    store.delete(name);
    const pinned = [...this.pins.values()].some((entries) => entries.includes(entry));
    if (entry.bitmap && !pinned) entry.bitmap.close();
  }

  tell() {
    for (const listener of this.listeners) listener();
  }

  close() {
    clearTimeout(this.silence);
    this.token = null;
    for (const store of [this.decoded, this.exact]) for (const entry of store.values()) entry.bitmap.close();
  }
}

function nameOf(key, plane) {
  return `${key}/${plane}`;
}
