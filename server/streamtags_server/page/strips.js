/**
 * Rows written pixel by pixel: where many segments share few pixels, that is much faster than painting a box for
 * each.
 */

import { segmentAt } from "./model.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {{left: number, width: number, top: number, height: number}} Place in pixels */

/** The column of pixels at which each visible segment begins: computed once for each frame, for all rows. */
export class Columns {
  constructor() {
    this.count = 0;
    this.first = 0;
    this.last = -1;
    this._edges = new Int32Array(1024);
  }

  /** @param {Model} model @param {number} start @param {number} span seconds shown @param {number} width in pixels */
  look(model, start, span, width) {
    this.count = Math.max(1, Math.round(width * (devicePixelRatio || 1)));
    this.first = Math.max(0, segmentAt(model, start));
    this.last = segmentAt(model, start + span);
    const step = span / this.count;
    const origin = Math.round(start / step); // columns begin at multiples of a step, so that panning does not flicker
    const visible = this.last - this.first + 1;
    if (this._edges.length <= visible) this._edges = new Int32Array(visible * 2);
    for (let at = 0; at < visible; at += 1) {
      this._edges[at] = Math.round(model.starts[this.first + at] / step) - origin;
    }
    this._edges[Math.max(0, visible)] = Math.round((model.ends[this.last] ?? 0) / step) - origin;
  }

  /** Where segment `at` begins; for one past the last visible, where that ends. @param {number} at */
  of(at) {
    return this._edges[at - this.first];
  }
}

const LINE_ALPHA = 255;
const AREA_ALPHA = 89;

/** A picture as wide as the canvas and a few lines high, stretched to the height of its row. */
export class Strip {
  constructor() {
    this._canvas = document.createElement("canvas");
    // `willReadFrequently` keeps the pixels in memory, where they are written.
    const context = this._canvas.getContext("2d", { willReadFrequently: true });
    this._context = /** @type {CanvasRenderingContext2D} */ (context);
    this._image = new ImageData(1, 1);
    this._pixels = new Uint32Array(1);
  }

  /**
   * Paint a box for each segment that has one.
   *
   * @param {CanvasRenderingContext2D} context @param {Place} place @param {Columns} columns @param {string} color
   * @param {(at: number) => number} opacity of a segment's box; 0 for none
   */
  boxes(context, place, columns, color, opacity) {
    this._begin(columns.count, 1);
    const pixels = this._pixels;
    const ink = inkOf(color);
    for (let at = columns.first; at <= columns.last; at += 1) {
      const alpha = Math.round(255 * opacity(at));
      if (!alpha) continue;
      const from = columns.of(at);
      const to = columns.of(at + 1);
      const gap = Number(to - from > 2); // separates boxes where there is room
      const past = Math.min(columns.count, Math.max(from + 1, to - gap));
      for (let column = Math.max(0, from); column < past; column += 1) {
        if (pixels[column] >>> 24 < alpha) pixels[column] = ((alpha << 24) | ink) >>> 0;
      }
    }
    this._finish(context, place);
  }

  /**
   * Paint a curve with the area below it; segments that share a column are averaged.
   *
   * @param {CanvasRenderingContext2D} context @param {Place} place @param {Columns} columns
   * @param {import("./model.js").Curve} curve @param {string} color
   */
  area(context, place, columns, curve, color) {
    const lines = Math.round(place.height * (devicePixelRatio || 1));
    this._begin(columns.count, lines);
    const ink = inkOf(color);
    let sum = 0;
    let count = 0;
    for (let at = columns.first; at <= columns.last; at += 1) {
      const value = curve.values[at];
      if (!Number.isNaN(value)) {
        sum += value;
        count += 1;
      }
      const from = columns.of(at);
      const past = Math.min(columns.count, columns.of(at + 1));
      if (past <= from) continue; // the next one shares the column
      if (count) {
        const share = Math.min(1, Math.max(0, (sum / count - curve.low) / (curve.high - curve.low)));
        this._fillBelow(Math.max(0, from), past, Math.round((lines - 2) * (1 - share)), ink);
      }
      sum = count = 0;
    }
    this._finish(context, place);
  }

  /** @param {number} from @param {number} past columns @param {number} top line of the curve @param {number} ink */
  _fillBelow(from, past, top, ink) {
    const { width, height } = this._image;
    const line = ((LINE_ALPHA << 24) | ink) >>> 0;
    const below = ((AREA_ALPHA << 24) | ink) >>> 0;
    for (let column = from; column < past; column += 1) {
      for (let y = top; y < height; y += 1) this._pixels[y * width + column] = y < top + 2 ? line : below;
    }
  }

  /** @param {number} width @param {number} lines */
  _begin(width, lines) {
    if (this._image.width !== width || this._image.height !== lines) {
      this._canvas.width = width;
      this._canvas.height = lines;
      this._image = new ImageData(width, lines);
      this._pixels = new Uint32Array(this._image.data.buffer);
    }
    this._pixels.fill(0);
  }

  /** @param {CanvasRenderingContext2D} context @param {Place} place */
  _finish(context, { left, width, top, height }) {
    this._context.putImageData(this._image, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(this._canvas, left, top, width, height);
    context.imageSmoothingEnabled = true;
  }
}

/** The color `#rrggbb` as the low bytes of a pixel. @param {string} color */
function inkOf(color) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  return (b << 16) | (g << 8) | r;
}
