/** The cues of a timeline with their tracks, as the panel and the row show them. Pure. */

/** @typedef {import("./fold.js").Time} Time */
/**
 * @typedef {object} Track
 * @property {string} track
 * @property {string} title
 * @property {string} artist
 * @property {number} score
 * @property {string} why
 * @property {Fit} [fit]
 * @property {string} [library] of a track that a person chose
 */
/**
 * @typedef {object} Fit
 * @property {number} offset_seconds
 * @property {number} seconds
 * @property {number} [fade_in_seconds]
 * @property {number} [fade_out_seconds]
 * @property {number[]} [hits] places of the hit points that it meets
 */
/**
 * @typedef {object} Cue
 * @property {string} cue
 * @property {Time} start
 * @property {Time} end
 * @property {string} reason
 * @property {"background" | "featured" | "source"} usage
 * @property {[number, number] | null} bpm
 * @property {number[]} intensity
 * @property {{at: Time, reason: string}[]} hits
 * @property {"accepted" | "rejected" | null} decision
 * @property {boolean} [over_music] spotted as if no music were heard in the film
 * @property {Track | null} chosen
 * @property {string[]} rejected
 * @property {Record<string, string[]>} [rejected_in] libraries of a rejected track; all if it is not named
 * @property {string | null} by
 */
/** @typedef {{library: string, guide: string | null, cue?: string, cues: Track[]}} Suggested */
/** @typedef {{cue: Cue, suggested: Suggested | null}} Entry */
/** @typedef {{track: Track, status: "chosen" | "suggested" | "rejected"}} Choice */

/** The cues with what is suggested for each. @param {any} state @returns {Entry[]} */
export function entriesOf(state) {
  /** @type {Map<string, Suggested>} */
  const suggested = new Map();
  for (const one of state.cues) if (one.cue) suggested.set(one.cue, one);
  return (state.spotting ?? []).map((/** @type {Cue} */ cue) => ({ cue, suggested: suggested.get(cue.cue) ?? null }));
}

/**
 * The tracks of a cue: the accepted one first, those that were rejected last.
 *
 * @param {Entry} entry @returns {Choice[]}
 */
export function choicesOf({ cue, suggested }) {
  const chosen = cue.chosen;
  const isElsewhere = Boolean(chosen?.library) && chosen?.library !== suggested?.library;
  const others = (suggested?.cues ?? []).filter((track) => isElsewhere || track.track !== chosen?.track);
  const isRejected = (/** @type {Track} */ { track }) =>
    cue.rejected.includes(track) && (cue.rejected_in?.[track]?.includes(suggested?.library ?? "") ?? true);
  const open = others.filter((track) => !isRejected(track));
  const rejected = others.filter(isRejected);
  return [
    ...(chosen ? [{ track: chosen, status: /** @type {const} */ ("chosen") }] : []),
    ...open.map((track) => ({ track, status: /** @type {const} */ ("suggested") })),
    ...rejected.map((track) => ({ track, status: /** @type {const} */ ("rejected") })),
  ];
}

/** The library of a track, "" if it is not known. @param {Entry} entry @param {Choice} choice */
export function libraryOf({ suggested }, { track }) {
  return track.library ?? suggested?.library ?? "";
}

/**
 * The place of the cue at a moment of the source, -1 if there is none.
 *
 * @param {Entry[]} entries @param {number} seconds
 */
export function cueAt(entries, seconds) {
  return entries.findIndex(({ cue }) => cue.start.seconds <= seconds && seconds < cue.end.seconds);
}

/** How a track lies under its cue, in words. @param {Track} track @param {Cue} cue */
export function fitText({ fit }, cue) {
  if (!fit) return "";
  const { offset_seconds: offset, fade_in_seconds: up = 0, fade_out_seconds: down = 0 } = fit;
  const parts = [
    offset > 0 ? `begins ${offset.toFixed(1)} s into the track` : "begins with the track",
    up > 0 ? `fades in over ${up.toFixed(1)} s` : "",
    down > 0 ? `fades out over ${down.toFixed(1)} s` : "",
    fit.seconds < cue.end.seconds - cue.start.seconds - 0.05 ? `ends after ${fit.seconds.toFixed(1)} s` : "",
  ];
  return parts.filter(Boolean).join(", ");
}

/**
 * The fit of a track, else one that lets it begin with its cue.
 *
 * @param {Track} track @param {Cue} cue @returns {Fit}
 */
export function fitOf(track, cue) {
  return track.fit ?? { offset_seconds: 0, seconds: cue.end.seconds - cue.start.seconds };
}

/** What is decided about a cue, in words; "" if nothing is. @param {Cue} cue */
export function decisionText({ decision, chosen, by }) {
  if (decision === "accepted") return `${chosen?.title ?? "a track"} accepted by ${by}`;
  return decision === "rejected" ? `no music here, says ${by}` : "";
}

/**
 * The requests that bring a cue back to what had been decided about it: for undoing.
 *
 * @param {Cue} before @returns {{cue: string, decision: string, track?: string, library?: string}[]}
 */
export function requestsToRestore({ cue, decision, chosen, rejected, rejected_in: libraries = {} }) {
  return [
    { cue, decision: "reset" },
    ...rejected.flatMap((track) =>
      libraries[track]
        ? libraries[track].map((library) => ({ cue, decision: "reject", track, library }))
        : [{ cue, decision: "reject", track }],
    ),
    ...(chosen
      ? [{ cue, decision: "accept", track: chosen.track, ...(chosen.library && { library: chosen.library }) }]
      : []),
    ...(decision === "rejected" ? [{ cue, decision: "reject" }] : []),
  ];
}
