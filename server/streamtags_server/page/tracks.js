/** Tracks of the music libraries: their addresses, what the server says about them, and their waveforms. */

import { requestJson } from "./server.js";

/**
 * @typedef {object} Description
 * @property {number | null} seconds
 * @property {number | null} bpm
 * @property {number | null} energy
 * @property {number[]} curve loudness from 0 to 100
 * @property {number | null} curve_seconds length of a step of the curve
 * @property {number[]} hits
 * @property {number[]} sections
 * @property {boolean} has_audio
 */

const MAX_KEPT = 500;

/** @param {string} library @param {string} track @param {"track" | "audio"} what */
export function trackUrl(library, track, what) {
  return `v1/libraries/${encodeURIComponent(library)}/${what}?track=${encodeURIComponent(track)}`;
}

/** Descriptions of tracks, each requested once. */
export class Tracks {
  constructor() {
    /** @type {Map<string, Promise<Description | null>>} */
    this._known = new Map();
  }

  /**
   * Return what the server says about a track; null if it says nothing.
   *
   * @param {string} library @param {string} track
   */
  describe(library, track) {
    const url = trackUrl(library, track, "track");
    let known = this._known.get(url);
    if (!known) {
      known = requestJson(url).catch(() => {
        this._known.delete(url); // a lost connection: the next card requests it again
        return null;
      });
      if (this._known.size >= MAX_KEPT) this._known.clear();
      this._known.set(url, known);
    }
    return known;
  }
}

/**
 * Draw the loudness of a track, brighter where it lies under the cue, with its accents in that part.
 *
 * @param {HTMLCanvasElement} canvas @param {Description} description @param {import("./cues.js").Fit} fit
 */
export function drawWave(canvas, description, fit) {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!width) return;
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const style = getComputedStyle(canvas);
  const color = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  const { seconds, curve, curve_seconds: step, hits } = description;
  if (!seconds || !step || !curve.length) return;
  context.scale(ratio, ratio);
  const from = fit.offset_seconds;
  const to = from + fit.seconds;
  context.fillStyle = color("--pressed");
  context.fillRect((from / seconds) * width, 0, ((to - from) / seconds) * width, height);
  for (let x = 0; x < width; x += 1) {
    const at = (x / width) * seconds;
    const level = (curve[Math.min(curve.length - 1, Math.floor(at / step))] / 100) * height;
    context.fillStyle = at >= from && at < to ? color("--curve-0") : color("--faint");
    context.fillRect(x, (height - level) / 2, 1, Math.max(1, level));
  }
  context.fillStyle = color("--curve-1");
  for (const hit of hits) if (hit >= from && hit < to) context.fillRect((hit / seconds) * width, height - 4, 1, 4);
}
