/** The row of the waveform. */

import { HEADER } from "./viewport.js";
import { loudest } from "./waveforms.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./painter.js").Painter} Painter */

const WAVEFORM = 38;

/**
 * @param {Model} model @param {Painter} painter @param {import("./waveforms.js").Waveforms} waveforms
 * @returns {import("./rows.js").RowWithoutPlace}
 */
export function soundRow(model, painter, waveforms) {
  const paint = (/** @type {CanvasRenderingContext2D} */ context, /** @type {number} */ top) => {
    const { viewport, colors, columns } = painter;
    const middle = top + (WAVEFORM - 1) / 2;
    const most = (WAVEFORM - 7) / 2;
    const step = viewport.span / viewport.room;
    context.fillStyle = colors["curve-0"];
    let at = columns.first;
    for (let x = HEADER; x < viewport.width; x += 1) {
      const seconds = viewport.seconds(x);
      while (at < columns.last && model.ends[at] <= seconds) at += 1;
      const height = Math.max(0.5, most * levelAt(model, waveforms, at, seconds, step));
      context.fillRect(x, middle - height, 1, 2 * height);
    }
  };
  const textAt = (/** @type {number} */ at) => {
    const peaks = waveforms.get(model.segments[at].segment);
    if (!peaks) return "";
    const peak = peaks.reduce((most, one) => Math.max(most, one), 0);
    return peak ? `loudest ${((peak / 255 - 1) * 60).toFixed(0)} dBFS` : "silence";
  };
  return { name: "Sound", height: WAVEFORM, paint, textAt };
}

/**
 * The loudest sound of the `step` seconds from `seconds` on, which may reach into later segments.
 *
 * @param {Model} model @param {import("./waveforms.js").Waveforms} waveforms
 * @param {number} at the segment that contains `seconds` @param {number} seconds @param {number} step
 */
function levelAt(model, waveforms, at, seconds, step) {
  let most = 0;
  for (let one = at; one < model.starts.length && model.starts[one] < seconds + step; one += 1) {
    const peaks = waveforms.get(model.segments[one].segment);
    if (!peaks) continue;
    const from = (seconds - model.starts[one]) * waveforms.perSecond;
    if (from + step * waveforms.perSecond > 0 && from < peaks.length) {
      most = Math.max(most, loudest(peaks, Math.max(0, from), from + step * waveforms.perSecond));
    }
  }
  return most;
}
