/** Paints on the canvas of the timeline. It knows colors, fonts and the viewport; what a row shows is in rows.js. */

import { segmentAt } from "./model.js";
import { Columns, Strip } from "./strips.js";
import { clockOf, rulerTicks, timecode } from "./timecode.js";
import { HEADER, RULER } from "./viewport.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./rows.js").Row} Row */

const COLORS = ["track", "track-alt", "head", "line", "text", "muted", "faint", "accent", "playhead", "ruler", "clip"];
const LANES = 9;
const CURVES = 3;
const FILTERED_OUT = 0.18; // opacity of a segment that the filter leaves out
const LABEL_ROOM = 96; // pixels for a label of the ruler
const TEXT_FONT = '11px "Inter", "Segoe UI", system-ui, sans-serif';
const CODE_FONT = '11px "SF Mono", "Consolas", "DejaVu Sans Mono", monospace';
const RULER_FONT = '10px "SF Mono", "Consolas", "DejaVu Sans Mono", monospace';

export class Painter {
  /** @param {import("./viewport.js").Viewport} viewport */
  constructor(viewport) {
    this.viewport = viewport;
    /** The model to paint; set before `begin`. @type {Model | null} */
    this.model = null;
    this.clock = clockOf(null);
    this.columns = new Columns();
    this.boxes = new Strip();
    this.areas = new Strip();
    /** @type {Object<string, string>} */
    this.colors = {};
    /** Pixels that a visible segment has on average. */
    this.perSegment = 0;
    /** So many segments are painted as one: a power of two, at fixed places, so that nothing flickers while panning. */
    this.stride = 1;
    this.first = 0;
    this.last = -1;
    this.readColors();
  }

  /** Read the colors of the style sheet. */
  readColors() {
    const style = getComputedStyle(document.documentElement);
    const numbered = (/** @type {string} */ name, /** @type {number} */ count) =>
      [...Array(count).keys()].map((at) => `${name}-${at}`);
    for (const name of [...COLORS, "scene", "bad", ...numbered("lane", LANES), ...numbered("curve", CURVES)]) {
      this.colors[name] = style.getPropertyValue(`--${name}`).trim();
    }
  }

  /** @param {number} index of the axis in the vocabulary */
  laneColor(index) {
    return this.colors[`lane-${index % LANES}`];
  }

  /** @param {number} index */
  curveColor(index) {
    return this.colors[`curve-${index % CURVES}`];
  }

  /** Clear a canvas and return its context, in pixels of the style sheet. @param {HTMLCanvasElement} canvas */
  clear(canvas) {
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const ratio = devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.viewport.width, this.viewport.height);
    context.font = TEXT_FONT;
    context.textBaseline = "middle";
    return context;
  }

  /** Work out which segments are visible and how many are painted as one. @param {Model} model */
  look(model) {
    const { start, span, room } = this.viewport;
    const first = Math.max(0, segmentAt(model, start));
    const last = segmentAt(model, start + span);
    const seconds = Math.max(1e-9, (model.ends[last] ?? 0) - (model.starts[first] ?? 0));
    this.perSegment = (room * seconds) / span / Math.max(1, last - first + 1);
    this.stride = this.perSegment >= 2 ? 1 : 2 ** Math.ceil(Math.log2(2 / Math.max(this.perSegment, 1e-6)));
    this.first = Math.floor(first / this.stride) * this.stride;
    this.last = last;
    this.columns.look(model, start, span, room);
  }

  /**
   * Call `paint` for each visible segment.
   *
   * @param {Model} model
   * @param {(at: number, x: number, width: number) => void} paint
   */
  each(model, paint) {
    for (let at = this.columns.first; at <= this.last; at += 1) {
      const x = this.viewport.x(model.starts[at]);
      paint(at, x, this.viewport.x(model.ends[at]) - x);
    }
  }

  /**
   * Opacity of segments `at` to `end`: faint if the filter leaves out all.
   *
   * @param {Model} model
   * @param {number} at
   * @param {number} [end]
   */
  shade({ matches, filtered }, at, end = at + 1) {
    if (!filtered) return 1;
    for (let one = at; one < end; one += 1) if (matches[one]) return 1;
    return FILTERED_OUT;
  }

  /**
   * Write `text` into a box, cut to its visible part.
   *
   * @param {CanvasRenderingContext2D} context @param {string} text @param {number} x @param {number} width
   * @param {number} middle @param {string} [color]
   */
  label(context, text, x, width, middle, color = this.colors.text) {
    const left = Math.max(x, HEADER) + 5;
    const room = Math.min(x + width, this.viewport.width) - left - 3;
    const shown = room < 14 ? "" : fitted(context, text, room);
    if (!shown) return;
    context.fillStyle = color;
    context.fillText(shown, left, middle);
  }

  /** The inner part of a row. @param {number} height @param {number} top */
  place(height, top) {
    return { left: HEADER, width: this.viewport.room, top: top + 3, height: height - 7 };
  }

  /** @param {CanvasRenderingContext2D} context @param {readonly Row[]} rows @param {number} scrolled pixels */
  paintRows(context, rows, scrolled) {
    const { viewport, colors, model } = this;
    context.fillStyle = colors.track;
    context.fillRect(0, 0, viewport.width, viewport.height);
    if (!model || !viewport.room) return;
    this.look(model);
    context.save();
    context.beginPath();
    context.rect(0, RULER, viewport.width, viewport.height - RULER);
    context.clip();
    rows.forEach((row, index) => {
      const top = row.top - scrolled;
      if (top + row.height < RULER || top > viewport.height) return;
      this._paintRow(context, row, top, index % 2 === 1);
      this._paintHead(context, row, top);
    });
    context.fillStyle = colors.line;
    context.fillRect(HEADER - 1, RULER, 1, viewport.height - RULER);
    context.restore();
    this._paintRuler(context);
  }

  /** @param {CanvasRenderingContext2D} context @param {Row} row @param {number} top @param {boolean} isAlternate */
  _paintRow(context, row, top, isAlternate) {
    const { room } = this.viewport;
    if (isAlternate) {
      context.fillStyle = this.colors["track-alt"];
      context.fillRect(HEADER, top, room, row.height);
    }
    context.save();
    context.beginPath();
    context.rect(HEADER, top, room, row.height);
    context.clip();
    row.paint(context, top);
    context.restore();
  }

  /** @param {CanvasRenderingContext2D} context @param {Row} row @param {number} top */
  _paintHead(context, row, top) {
    const { colors, viewport } = this;
    context.fillStyle = colors.head;
    context.fillRect(0, top, HEADER, row.height);
    context.fillStyle = colors.line;
    context.fillRect(0, top + row.height - 1, viewport.width, 1);
    context.fillStyle = row.isEmpty ? colors.muted : colors.text;
    context.fillText(row.name, 22, top + row.height / 2, HEADER - 26);
    if (!row.color) return;
    context.fillStyle = row.color;
    context.fillRect(8, top + row.height / 2 - 4, 8, 8);
  }

  /** @param {CanvasRenderingContext2D} context */
  _paintRuler(context) {
    const { colors, viewport, clock } = this;
    const perPixel = viewport.span / viewport.room;
    context.fillStyle = colors.ruler;
    context.fillRect(HEADER, 0, viewport.room, RULER);
    context.fillStyle = colors.head;
    context.fillRect(0, 0, HEADER, RULER);
    context.fillStyle = colors.faint;
    for (const { seconds } of rulerTicks(clock, viewport.start, viewport.span, (LABEL_ROOM / 6) * perPixel)) {
      context.fillRect(Math.round(viewport.x(seconds)), RULER - 5, 1, 5);
    }
    context.font = RULER_FONT;
    for (const tick of rulerTicks(clock, viewport.start, viewport.span, LABEL_ROOM * perPixel)) {
      const x = Math.round(viewport.x(tick.seconds));
      if (x < HEADER) continue;
      context.fillStyle = colors.muted;
      context.fillRect(x, RULER - 10, 1, 10);
      const isWhole = x + 4 + context.measureText(tick.label).width <= viewport.width;
      if (isWhole) context.fillText(tick.label, x + 4, RULER / 2 - 1);
    }
    context.fillStyle = colors.line;
    context.fillRect(0, RULER - 1, viewport.width, 1);
    context.font = TEXT_FONT;
  }

  /**
   * The playhead, the segment under it, and the marked range.
   *
   * @param {CanvasRenderingContext2D} context @param {number} time
   * @param {{in: number | null, out: number | null}} range seconds
   */
  paintPlayhead(context, time, range) {
    const { model, viewport, colors } = this;
    if (!model) return;
    context.save();
    context.beginPath();
    context.rect(HEADER, 0, viewport.room, viewport.height);
    context.clip();
    const at = segmentAt(model, time);
    if (at >= 0) {
      const x = viewport.x(model.starts[at]);
      const width = viewport.x(model.ends[at]) - x;
      context.fillStyle = colors.accent;
      context.globalAlpha = 0.1;
      context.fillRect(x, RULER, width, viewport.height - RULER);
      context.globalAlpha = 0.55;
      context.fillRect(x, RULER - 3, width, 3);
      context.globalAlpha = 1;
    }
    this._paintRange(context, range);
    const x = Math.round(viewport.x(time));
    context.fillStyle = colors.playhead;
    context.fillRect(x, 12, 1, viewport.height);
    context.beginPath();
    context.moveTo(x - 6, 3);
    context.lineTo(x + 7, 3);
    context.lineTo(x + 7, 10);
    context.lineTo(x + 0.5, 17);
    context.lineTo(x - 6, 10);
    context.fill();
    context.restore();
    context.font = CODE_FONT;
    context.fillStyle = colors.accent;
    context.fillText(timecode(this.clock, time), 10, RULER / 2);
  }

  /** @param {CanvasRenderingContext2D} context @param {{in: number | null, out: number | null}} range */
  _paintRange(context, { in: from, out: to }) {
    const { viewport, colors } = this;
    if (from === null && to === null) return;
    const left = from === null ? null : viewport.x(from);
    const right = to === null ? null : viewport.x(to);
    context.fillStyle = colors["curve-1"];
    if (left !== null && right !== null) {
      context.globalAlpha = 0.35;
      context.fillRect(left, 0, right - left, RULER - 3);
      context.globalAlpha = 1;
    }
    for (const [x, way] of [
      [left, 1],
      [right, -1],
    ]) {
      if (x === null || way === null) continue;
      context.fillRect(Math.round(x), 0, 2 * way, viewport.height);
      context.fillRect(Math.round(x), 0, 6 * way, 3);
    }
  }
}

const MAX_MEASURED_TEXTS = 5000;
/** @type {Map<string, number>} */
const widths = new Map();

/**
 * `text`, cut to fit `room` pixels.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {number} room
 */
function fitted(context, text, room) {
  let width = widths.get(text);
  if (width === undefined) {
    width = context.measureText(text).width;
    if (widths.size > MAX_MEASURED_TEXTS) widths.clear();
    widths.set(text, width);
  }
  if (width <= room) return text;
  let kept = Math.floor((text.length * room) / width) - 1;
  const cut = () => `${text.slice(0, kept).trimEnd()}…`;
  while (kept >= 2 && context.measureText(cut()).width > room) kept -= 1; // its letters are wider than those after it
  return kept < 2 ? "" : cut();
}
