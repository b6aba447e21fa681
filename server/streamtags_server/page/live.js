/**
 * What differs for a live source: there is no film to play, it can be lost and come back, and the newest segment
 * matters. And for a sound file: there is no picture.
 */

import { counted } from "./dom.js";

/** @typedef {import("./streamtags.js").TimelineState} TimelineState */

/** @param {TimelineState} state */
export function isRunning(state) {
  return state.state === "running" || state.state === "queued";
}

/** Whether a live source is being received. @param {TimelineState} state */
export function isOnAir(state) {
  return Boolean(state.source?.live) && isRunning(state);
}

/** Whether the source is a stream, of which no file remains. @param {any} source */
export function isStream(source) {
  return Boolean(source.live) && /^[a-z][a-z0-9+.-]*:\/\//i.test(source.uri);
}

/** Whether a source has a picture; a sound file has none. @param {any} source */
export function hasPicture(source) {
  return source?.video?.codec !== "none";
}

/**
 * What the list of timelines says of one: its log says nothing until its source has been opened.
 *
 * @typedef {{name: string, state: string}} Listed
 */

/**
 * The badge of a timeline.
 *
 * @param {TimelineState} state @param {Listed} listed @returns {{name: string, text: string}}
 */
export function badge(state, listed) {
  const said = state.seq === 0 ? listed.state || state.state : state.state;
  if (!isOnAir(state) || said === "queued") return { name: said, text: said };
  return state.live?.lost ? { name: "lost", text: "source lost" } : { name: "live", text: "live" };
}

/** Remarks on the reception of a live source. @param {TimelineState} state @returns {string[]} */
export function remarks(state) {
  const { live, source } = state;
  if (!source?.live || !live) return [];
  const gapSeconds = live.gaps.reduce((sum, gap) => sum + gap.seconds, 0);
  return [
    live.dropped ? `${counted(live.dropped, "frame")} dropped` : "",
    live.gaps.length ? `${counted(live.gaps.length, "gap")}, ${gapSeconds.toFixed(1)} s` : "",
    live.lost ? live.lost.error.message : "",
    live.lost && isRunning(state) && live.lost.retry_seconds !== null
      ? `next attempt in ${live.lost.retry_seconds} s`
      : "",
  ].filter(Boolean);
}

/**
 * What a timeline without a source waits for.
 *
 * @param {TimelineState} state @param {Listed} listed
 */
export function waitingText(state, { name: uri, state: listedState }) {
  const { lost } = state.live ?? {};
  if (state.error) return state.error.message;
  if (state.state === "cancelled") return `Cancelled before ${uri || "the source"} was read`;
  if (lost) return `${lost.error.message}; next attempt in ${lost.retry_seconds} s`;
  if (state.seq === 0 && listedState !== "running") return "Waiting for a free worker";
  return /^(rtmp|udp|tcp|srt):/i.test(uri)
    ? `Waiting for a sender to connect to ${uri}`
    : `Waiting for ${uri || "the source"} to answer`;
}
