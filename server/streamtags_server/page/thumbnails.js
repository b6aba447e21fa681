/** Thumbnails fetched when they come into view, the newest wish first. */

const MOST = 800;
const AT_ONCE = 6;

/** Holds at most 800 pictures; the one not looked at for longest goes first. At most 6 are fetched at once, older wishes are forgotten. */
export class Thumbnails {
  /** @param {string} base address of the timeline @param {() => void} arrived */
  constructor(base, arrived) {
    this._base = base;
    this._arrived = arrived;
    /** @type {Map<string, HTMLImageElement | null>} */
    this._held = new Map();
    /** @type {string[]} */
    this._wanted = [];
    this._loading = 0;
  }

  /** The picture, or null until it has come. @param {import("./streamtags.js").SegmentState} segment */
  get(segment) {
    if (!segment.thumbnail) return null;
    const found = this._held.get(segment.segment);
    if (found !== undefined) {
      this._held.delete(segment.segment);
      this._held.set(segment.segment, found);
      return found?.complete && found.naturalWidth ? found : null;
    }
    if (!this._wanted.includes(segment.segment)) this._wanted.push(segment.segment);
    if (this._wanted.length > 64) this._wanted.shift();
    this._next();
    return null;
  }

  /** @param {string} segment */
  url(segment) {
    return `${this._base}/thumbnails/${encodeURIComponent(segment)}.jpg`;
  }

  _next() {
    while (this._loading < AT_ONCE && this._wanted.length) {
      const segment = /** @type {string} */ (this._wanted.pop());
      const image = new Image();
      this._held.set(segment, image);
      if (this._held.size > MOST) this._held.delete(/** @type {string} */ (this._held.keys().next().value));
      this._loading += 1;
      const done = () => { this._loading -= 1; this._arrived(); this._next(); };
      image.onload = done;
      image.onerror = () => { this._held.set(segment, null); done(); };
      image.src = this.url(segment);
    }
  }
}
