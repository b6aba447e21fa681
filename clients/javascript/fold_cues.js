// Folding events about cues, as streamtags/core/cue_fold.py does.

const SPOTTED = {
  cue: "",
  start: null,
  end: null,
  reason: "",
  usage: "background",
  bpm: null,
  intensity: [],
  hits: [],
};
const UNDECIDED = { decision: null, chosen: null, rejected: [], by: null };

/**
 * Return the cues after one was detected, anew or again, or removed.
 *
 * @param {readonly any[]} cues @param {any} data @returns {any[]}
 */
export function afterDetected(cues, data) {
  const known = cues.find((cue) => cue.cue === data.cue);
  const others = cues.filter((cue) => cue !== known);
  if (data.removed) return others;
  const bounds = Object.entries(SPOTTED).map(([name, value]) => [name, name in data ? data[name] : value]);
  if (data.over_music) bounds.push(["over_music", true]); // left out otherwise
  const decision = Object.entries(UNDECIDED).map(([name, value]) => [name, known ? known[name] : value]);
  return [...others, Object.fromEntries([...bounds, ...decision])];
}

/**
 * Return the cues after a person decided about one; a decision about an unknown cue is ignored.
 *
 * @param {readonly any[]} cues @param {any} data @returns {any[]}
 */
export function afterDecided(cues, data) {
  return cues.map((cue) => (cue.cue === data.cue ? decided(cue, data) : cue));
}

/** @param {any} cue @param {any} data */
function decided(cue, { track = null, decision, by, chosen = null }) {
  const others = cue.rejected.filter((/** @type {string} */ one) => one !== track);
  if (decision === "accepted") return { ...cue, decision, chosen, rejected: others, by };
  const isReset = decision === "reset";
  if (track === null) {
    return { ...cue, chosen: null, by, ...(isReset ? { decision: null, rejected: [] } : { decision }) };
  }
  const opened = cue.chosen?.track === track ? { decision: null, chosen: null } : {};
  return { ...cue, rejected: isReset ? others : [...others, track], by, ...opened };
}

/**
 * Put the cues into a state, in the order of their starts; no field if there are none.
 *
 * @param {any} state @param {any[]} cues
 */
export function setSpotting(state, cues) {
  delete state.spotting;
  if (cues.length > 0) state.spotting = cues.sort((a, b) => a.start.pts - b.start.pts || (a.cue < b.cue ? -1 : 1));
}
