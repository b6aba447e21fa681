/** The tracks of the timeline, painted: what each row shows of the segments that are visible. */

import { segmentAt } from "./model.js";
import { Columns, Strip } from "./strips.js";
import { clockOf } from "./timecode.js";
import { Thumbnails } from "./thumbnails.js";

/** @typedef {import("./model.js").Model} Model */

export const HEADER = 116;
export const RULER = 26;
const SCENES = 20;
const PICTURES = 56;
const CAPTIONS = 24;
const LANE = 25;
export const EMPTY_LANE = 16;
const CURVE = 31;
const ROOM_FOR_TEXT = 8; // pixels a segment; where there are fewer on average, a row is a strip

/** @typedef {{name: string, top: number, height: number, draw: (row: Row) => void, at?: (segment: number) => string}} Row */

/** Paints rows onto a canvas; what is visible, and where, is set by the view that extends it. */
export class Tracks {
  constructor() {
    /** @type {Model | null} */
    this._model = null;
    this._clock = clockOf(null);
    this._thumbnails = new Thumbnails("", () => {});
    this._columns = new Columns();
    this._boxes = new Strip();
    this._areas = new Strip();
    this.start = 0;
    this.span = 10;
    this._width = 0;
    this._height = 0;
    /** @type {Object<string, string>} */
    this._colors = {};
    /** @type {CanvasRenderingContext2D | null} */
    this._c = null;
    this._first = 0;
    this._last = -1;
    this._stride = 1;
    this._perSegment = 1;
  }

  /** @param {number} seconds */
  _x(seconds) {
    return HEADER + ((seconds - this.start) / this.span) * (this._width - HEADER);
  }

  /** @param {number} x */
  _seconds(x) {
    return this.start + ((x - HEADER) / (this._width - HEADER)) * this.span;
  }

  /** @param {Model} model @returns {Row[]} */
  _layRows(model) {
    let top = RULER;
    /** @type {Row[]} */
    const rows = [];
    const add = (/** @type {string} */ name, /** @type {number} */ height, /** @type {Row["draw"]} */ draw, /** @type {Row["at"]} */ at = undefined) => {
      rows.push({ name, top, height, draw, at });
      top += height;
    };
    if (model.state.scenes.length) add("Scenes", SCENES, (row) => this._drawScenes(row));
    add("Picture", PICTURES, (row) => this._drawPictures(row));
    add("Captions", CAPTIONS, (row) => this._drawCaptions(row), (at) => model.segments[at].caption ?? "");
    model.lanes.forEach((lane, index) => add(lane.name, lane.used ? LANE : EMPTY_LANE, (row) => this._drawLane(row, lane, index), (at) => {
      const axis = model.segments[at].tags.find((score) => score.tag === lane.tags[at]);
      return axis ? `${axis.tag} ${axis.confidence.toFixed(2)}${lane.more[at] ? ` and ${lane.more[at]} more` : ""}` : "";
    }));
    model.curves.forEach((curve, index) => add(curve.name, CURVE, (row) => this._drawCurve(row, curve, index), (at) => (
      Number.isNaN(curve.values[at]) ? "" : `${curve.name} ${Number(curve.values[at].toPrecision(3))} ${curve.unit}`
    )));
    return rows;
  }

  /** Work out which segments are visible, and in groups of how many they are drawn. @param {Model} model */
  _look(model) {
    const first = Math.max(0, segmentAt(model, this.start));
    const last = segmentAt(model, this.start + this.span);
    // Groups of a power of two, at fixed places, so that nothing flickers while panning.
    const perSegment = ((this._width - HEADER) * Math.max(1e-9, (model.ends[last] ?? 0) - (model.starts[first] ?? 0))) / this.span / Math.max(1, last - first + 1);
    this._stride = perSegment >= 2 ? 1 : 2 ** Math.ceil(Math.log2(2 / Math.max(perSegment, 1e-6)));
    this._first = Math.floor(first / this._stride) * this._stride;
    this._last = last;
    this._perSegment = perSegment;
    this._columns.look(model, this.start, this.span, this._width - HEADER);
  }

  /** Visible segments one by one. @param {(at: number, x: number, width: number) => void} draw */
  _each(draw) {
    const model = /** @type {Model} */ (this._model);
    for (let at = this._columns.first; at <= this._last; at += 1) {
      const x = this._x(model.starts[at]);
      draw(at, x, this._x(model.ends[at]) - x);
    }
  }

  /** @param {number} at @param {number} [end] */
  _shade(at, end = at + 1) {
    const { matches, filtered } = /** @type {Model} */ (this._model);
    if (!filtered) return 1;
    for (let one = at; one < end; one += 1) if (matches[one]) return 1;
    return 0.18;
  }

  /** @param {string} text @param {number} x @param {number} width @param {number} middle @param {string} color */
  _label(text, x, width, middle, color) {
    const left = Math.max(x, HEADER) + 5;
    const room = Math.min(x + width, this._width) - left - 3;
    if (room < 14) return;
    const shown = fitted(/** @type {CanvasRenderingContext2D} */ (this._c), text, room);
    if (!shown) return;
    /** @type {CanvasRenderingContext2D} */ (this._c).fillStyle = color;
    /** @type {CanvasRenderingContext2D} */ (this._c).fillText(shown, left, middle);
  }

  /** @param {Row} row */
  _drawScenes(row) {
    const { scenes } = /** @type {Model} */ (this._model).state;
    const { origin } = /** @type {Model} */ (this._model);
    const context = /** @type {CanvasRenderingContext2D} */ (this._c);
    let low = 0;
    let high = scenes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (scenes[middle].end.seconds - origin <= this.start) low = middle + 1;
      else high = middle;
    }
    let edge = -1;
    for (let at = low; at < scenes.length; at += 1) {
      const scene = scenes[at];
      const x = this._x(scene.start.seconds - origin);
      if (x > this._width) break;
      const end = this._x(scene.end.seconds - origin);
      if (end < edge + 1.5) continue;
      edge = end;
      context.fillStyle = this._colors.scene;
      context.fillRect(x, row.top + 2, Math.max(1, end - x - 1), row.height - 5);
      this._label(`Scene ${scene.index + 1}`, x, end - x, row.top + row.height / 2, this._colors.text);
    }
  }

  /** @param {Row} row */
  _drawPictures(row) {
    const model = /** @type {Model} */ (this._model);
    const context = /** @type {CanvasRenderingContext2D} */ (this._c);
    const height = row.height - 7;
    const video = model.state.source?.video;
    const broad = Math.min(160, height * ((video?.width ?? 16) / (video?.height || 9)));
    const perSegment = this._perSegment;
    const stride = perSegment >= 24 ? 1 : Math.max(this._stride, 2 ** Math.ceil(Math.log2(broad / Math.max(perSegment, 1e-6))));
    for (let at = Math.floor((this._first) / stride) * stride; at <= (this._last); at += stride) {
      const end = Math.min(at + stride, model.starts.length);
      const x = this._x(model.starts[at]);
      const width = this._x(model.ends[end - 1]) - x - 1;
      if (x + width < HEADER) continue;
      context.globalAlpha = this._shade(at, end);
      context.fillStyle = this._colors.clip;
      context.fillRect(x, row.top + 3, width, height);
      if (model.segments[at].kind === "gap" && stride === 1) this._drawGap(x, row.top + 3, width, height);
      const image = this._thumbnails.get(model.segments[at]);
      if (image) {
        const shown = Math.min(width, broad);
        const cut = (shown / broad) * image.naturalWidth;
        context.drawImage(image, (image.naturalWidth - cut) / 2, 0, cut, image.naturalHeight, x, row.top + 3, shown, height);
      }
      if (stride === 1 && width > broad + 30) this._label(String(model.segments[at].index + 1), x + broad, width - broad, row.top + 11, this._colors.muted);
      if (model.segments[at].status === "failed") {
        context.fillStyle = this._colors.bad;
        context.fillRect(x, row.top + 3, width, 3);
      }
      context.globalAlpha = 1;
    }
  }

  /** Where a live source sent nothing: hatched. @param {number} x @param {number} top @param {number} width @param {number} height */
  _drawGap(x, top, width, height) {
    const context = /** @type {CanvasRenderingContext2D} */ (this._c);
    context.save();
    context.beginPath();
    context.rect(x, top, width, height);
    context.clip();
    context.strokeStyle = this._colors.faint;
    context.beginPath();
    for (let at = Math.max(x, HEADER) - height; at < Math.min(x + width, this._width); at += 7) {
      context.moveTo(at, top + height);
      context.lineTo(at + height, top);
    }
    context.stroke();
    context.restore();
    this._label("No signal", x, width, top + height / 2, this._colors.muted);
  }

  /** @param {Row} row */
  _drawCaptions(row) {
    const model = /** @type {Model} */ (this._model);
    const context = /** @type {CanvasRenderingContext2D} */ (this._c);
    if (this._perSegment < ROOM_FOR_TEXT) {
      const opacity = (/** @type {number} */ at) => (model.segments[at].caption === null ? 0 : this._shade(at));
      this._boxes.boxes(context, this._place(row), this._columns, this._colors.clip, opacity);
      return;
    }
    this._each((at, x, width) => {
      const segment = model.segments[at];
      if (segment.caption === null) return;
      context.globalAlpha = this._shade(at);
      context.fillStyle = this._colors.clip;
      context.fillRect(x, row.top + 3, Math.max(1, width - 1), row.height - 7);
      this._label(segment.caption, x, width, row.top + row.height / 2, this._colors.text);
      context.globalAlpha = 1;
    });
  }

  /** @param {Row} row @param {import("./model.js").Lane} lane @param {number} index */
  _drawLane(row, lane, index) {
    const context = /** @type {CanvasRenderingContext2D} */ (this._c);
    const color = this._colors[`lane-${index % 9}`];
    const opacity = (/** @type {number} */ at) => lane.confidence[at] && 0.16 + 0.84 * lane.confidence[at];
    if (this._perSegment < ROOM_FOR_TEXT) {
      const shaded = (/** @type {number} */ at) => this._shade(at) * opacity(at);
      this._boxes.boxes(context, this._place(row), this._columns, color, shaded);
      return;
    }
    this._each((at, x, width) => {
      if (lane.confidence[at] === 0) return;
      const shade = this._shade(at);
      context.fillStyle = color;
      context.globalAlpha = shade * opacity(at);
      context.fillRect(x, row.top + 3, Math.max(1, width - 1), row.height - 7);
      const tag = lane.tags[at];
      if (tag !== null && width > 20) {
        context.globalAlpha = shade;
        context.fillRect(x, row.top + 3, 2, row.height - 7);
        this._label(lane.more[at] ? `${tag}  +${lane.more[at]}` : tag, x + 1, width, row.top + row.height / 2, this._colors.text);
      }
    });
    context.globalAlpha = 1;
  }

  /** @param {Row} row @param {import("./model.js").Curve} curve @param {number} index */
  _drawCurve(row, curve, index) {
    const context = /** @type {CanvasRenderingContext2D} */ (this._c);
    this._areas.area(context, this._place(row), this._columns, curve, this._colors[`curve-${index}`]);
  }

  /** @param {Row} row */
  _place(row) {
    return { left: HEADER, width: this._width - HEADER, top: row.top + 3, height: row.height - 7 };
  }
}

/** @type {Map<string, number>} */
const widths = new Map();

/** `text`, cut to fit `room` pixels. @param {CanvasRenderingContext2D} context @param {string} text @param {number} room */
function fitted(context, text, room) {
  let width = widths.get(text);
  if (width === undefined) {
    width = context.measureText(text).width;
    if (widths.size > 5000) widths.clear();
    widths.set(text, width);
  }
  if (width <= room) return text;
  const kept = Math.floor((text.length * room) / width) - 1;
  return kept < 2 ? "" : `${text.slice(0, kept).trimEnd()}…`;
}
