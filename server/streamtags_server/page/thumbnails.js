/** Thumbnails, loaded when they come into view, the latest request first. */

const MAX_IMAGES = 800;
const MAX_LOADING = 6;
const MAX_WAITING = 64;

/**
 * Keeps at most 800 images, and removes the one that was not used for longest. Of many waiting, the oldest are
 * dropped.
 */
export class Thumbnails {
  /** @param {string} base address of the timeline @param {() => void} arrived called when an image has loaded */
  constructor(base, arrived) {
    this._base = base;
    this._arrived = arrived;
    /** @type {Map<string, HTMLImageElement | null>} */
    this._images = new Map();
    /** @type {string[]} */
    this._waiting = [];
    this._loading = 0;
  }

  /** Return the image, or null until it has loaded. @param {import("./streamtags.js").SegmentState} segment */
  get(segment) {
    if (!segment.thumbnail) return null;
    const image = this._images.get(segment.segment);
    if (image !== undefined) {
      this._images.delete(segment.segment); // used last, so removed last
      this._images.set(segment.segment, image);
      return image?.complete && image.naturalWidth ? image : null;
    }
    if (!this._waiting.includes(segment.segment)) this._waiting.push(segment.segment);
    if (this._waiting.length > MAX_WAITING) this._waiting.shift();
    this._loadNext();
    return null;
  }

  /** Load again what a lost connection left out. */
  retry() {
    for (const [segment, image] of this._images) if (image === null) this._images.delete(segment);
  }

  _loadNext() {
    while (this._loading < MAX_LOADING && this._waiting.length) {
      const segment = /** @type {string} */ (this._waiting.pop());
      const image = new Image();
      this._images.set(segment, image);
      if (this._images.size > MAX_IMAGES) {
        this._images.delete(/** @type {string} */ (this._images.keys().next().value));
      }
      this._loading += 1;
      const finish = () => {
        this._loading -= 1;
        this._arrived();
        this._loadNext();
      };
      image.onload = finish;
      image.onerror = () => {
        this._images.set(segment, null);
        finish();
      };
      image.src = thumbnailUrl(this._base, segment);
    }
  }
}

/** @param {string} base address of the timeline @param {string} segment */
export function thumbnailUrl(base, segment) {
  return `${base}/thumbnails/${encodeURIComponent(segment)}.jpg`;
}
