/** What is different about a live source: it has no file to play, it can be lost and back, and the newest is what matters. */

/** @typedef {import("./streamtags.js").TimelineState} TimelineState */

/** @param {TimelineState} state */
export function isRunning(state) {
  return state.state === "running" || state.state === "queued";
}

/** Whether it is being received. @param {TimelineState} state */
export function isOnAir(state) {
  return Boolean(state.source?.live) && isRunning(state);
}

/** Whether its pictures were sent past, so that there is no file of them. @param {any} source */
export function isStream(source) {
  return Boolean(source.live) && /^[a-z][a-z0-9+.-]*:\/\//i.test(source.uri);
}

/** How a timeline stands, for its badge. @param {TimelineState} state @returns {{name: string, text: string}} */
export function standing(state) {
  if (!isOnAir(state) || state.state === "queued") return { name: state.state, text: state.state };
  return state.live?.lost ? { name: "lost", text: "source lost" } : { name: "live", text: "live" };
}

/** What there is to say of how it came, besides. @param {TimelineState} state @returns {string[]} */
export function remarks(state) {
  const { live, source } = state;
  if (!source?.live || !live) return [];
  const gap = live.gaps.reduce((sum, one) => sum + one.seconds, 0);
  const many = (/** @type {number} */ count, /** @type {string} */ what) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
  return [
    live.dropped ? `${many(live.dropped, "frame")} dropped` : "",
    live.gaps.length ? `${many(live.gaps.length, "gap")}, ${gap.toFixed(1)} s` : "",
    live.lost ? live.lost.error.message : "",
    live.lost && isRunning(state) ? `trying again in ${live.lost.retry_seconds} s` : "",
  ].filter(Boolean);
}
