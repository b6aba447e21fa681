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
  if (known?.rejected_in) decision.push(["rejected_in", known.rejected_in]); // left out otherwise
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
function decided(cue, { track = null, decision, by, chosen = null, library = "" }) {
  if (decision === "accepted") {
    return { ...withoutRejection(cue, track, chosen?.library ?? ""), decision, chosen, by };
  }
  const isReset = decision === "reset";
  if (track === null) {
    return { ...(isReset ? withRejections(cue, [], {}) : cue), chosen: null, by, decision: isReset ? null : decision };
  }
  const isChosen = cue.chosen?.track === track && (!library || [library, ""].includes(cue.chosen.library ?? ""));
  const change = isReset ? withoutRejection : withRejection;
  return { ...change(cue, track, library), by, ...(isChosen ? { decision: null, chosen: null } : {}) };
}

/** @param {any} cue @param {string[]} rejected @param {Record<string, string[]>} libraries where a track is rejected */
function withRejections(cue, rejected, libraries) {
  const { rejected_in: _, ...rest } = cue;
  return { ...rest, rejected, ...(Object.keys(libraries).length > 0 ? { rejected_in: libraries } : {}) };
}

/** @param {any} cue @param {string} track @param {string} library "" for every one */
function withRejection(cue, track, library) {
  const { [track]: before = [], ...libraries } = cue.rejected_in ?? {};
  if (library && (before.length > 0 || !cue.rejected.includes(track))) {
    libraries[track] = [...before.filter((/** @type {string} */ one) => one !== library), library];
  }
  return withRejections(cue, [...without(cue.rejected, track), track], libraries);
}

/** @param {any} cue @param {string | null} track @param {string} library "" for every one */
function withoutRejection(cue, track, library) {
  const { [track ?? ""]: before = [], ...libraries } = cue.rejected_in ?? {};
  const left = before.filter((/** @type {string} */ one) => library && one !== library);
  if (track === null || left.length === 0) return withRejections(cue, without(cue.rejected, track), libraries);
  return withRejections(cue, cue.rejected, { ...libraries, [track]: left });
}

/** @param {string[]} rejected @param {string | null} track */
function without(rejected, track) {
  return rejected.filter((one) => one !== track);
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
