/** Where people speak, and how loud music is there. Pure. */

import { spokenLines, tickOf } from "./heard.js";

/** @typedef {{start: number, end: number}} Span seconds of the source */

const SPEECH = 0.4; // share of a window or segment from which it counts as spoken, as for spotting
const DUCKED = 0.25; // -12 dB
const DOWN_SECONDS = 0.3; // before speech begins
const UP_SECONDS = 0.6; // after it ends

/**
 * Where people speak in a part of a film: the lines of the transcript, else what was heard, else what was measured.
 *
 * @param {readonly any[]} segments @param {number} from @param {number} to @returns {Span[]}
 */
export function speechIn(segments, from, to) {
  const inside = segments.filter((segment) => segment.start.seconds < to && segment.end.seconds > from);
  return inside.flatMap((segment) => speechOf(segment)).filter(({ start, end }) => start < to && end > from);
}

/** @param {any} segment @returns {Span[]} */
function speechOf(segment) {
  const whole = { start: segment.start.seconds, end: segment.end.seconds };
  if (Array.isArray(segment.answers?.transcribed?.lines)) {
    return spokenLines(segment)
      .filter((line) => line.length)
      .map((line) => ({ start: line[0].start, end: line[line.length - 1].end }));
  }
  const heard = segment.answers?.heard;
  if (!heard) return (segment.evidence?.speech_share ?? 0) >= SPEECH ? [whole] : [];
  if (!Array.isArray(heard.windows) || !heard.windows.length) return heard.content?.speech >= SPEECH ? [whole] : [];
  const tick = tickOf(segment);
  return heard.windows
    .filter((/** @type {any} */ one) => one?.content?.speech >= SPEECH)
    .map((/** @type {any} */ one) => ({ start: one.start * tick, end: one.end * tick }));
}

/**
 * How loud music is at a moment: 1 without speech, less under speech and around it.
 *
 * @param {readonly Span[]} speech @param {number} seconds
 */
export function duckingAt(speech, seconds) {
  let level = 1;
  for (const { start, end } of speech) {
    const away = seconds < start ? (start - seconds) / DOWN_SECONDS : seconds > end ? (seconds - end) / UP_SECONDS : 0;
    level = Math.min(level, DUCKED + (1 - DUCKED) * Math.min(1, away));
  }
  return level;
}

/**
 * How loud a track is at a moment of its cue, for its fades.
 *
 * @param {{seconds: number, fade_in_seconds?: number, fade_out_seconds?: number}} fit
 * @param {number} seconds from the start of the cue
 */
export function fadeAt({ seconds: length, fade_in_seconds: up = 0, fade_out_seconds: down = 0 }, seconds) {
  if (seconds < 0 || seconds >= length) return 0;
  const rising = up > 0 ? seconds / up : 1;
  const falling = down > 0 ? (length - seconds) / down : 1;
  return Math.max(0, Math.min(1, rising, falling));
}
