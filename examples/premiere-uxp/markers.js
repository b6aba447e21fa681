/** Which markers a timeline of streamtags needs in Premiere, and which of them a person changed. Pure. */

/** @typedef {import("../../clients/javascript/streamtags.js").TimelineState} TimelineState */
/** @typedef {import("../../clients/javascript/streamtags.js").SegmentState} SegmentState */
/** @typedef {{axis: string, minConfidence: number, offsetFrames: number}} Filter `axis` "" selects every tag */
/** @typedef {{key: string, name: string, body: string, start: bigint, duration: bigint, color: string}} Wanted ticks */
/** @typedef {{name: string, comments: string, start: bigint, duration: bigint}} Shown a marker as Premiere shows it */
/** @typedef {{key: string, digest: string, body: string}} Trailer */

/** In a second: Premiere's unit of time, a multiple of all frame rates and sample rates that it knows. */
export const TICKS_PER_SECOND = 254016000000n;

const NAME_TAGS = 3;
const AXIS_COLORS = ["BLUE", "CYAN", "GREEN", "YELLOW", "ORANGE", "RED", "MAGNETA"]; // the spelling of Adobe's enum
// A marker of Premiere has no hidden field, so its comment ends with a line that says which segment it is for.
const TRAILER = /(?:^|\n)\[streamtags (\S+ \S+) ([0-9a-f]{8})\]\s*$/;

/**
 * Return the markers for a state, in order.
 *
 * @param {TimelineState} state @param {bigint} ticksPerFrame of the sequence
 * @param {Filter} filter @param {Map<string, string>} axisOf the axis of each tag
 * @returns {Wanted[]}
 */
export function wantedMarkers(state, ticksPerFrame, filter, axisOf) {
  const [first] = state.segments;
  if (!first) return [];
  const origin = first.start.pts;
  const axes = [...new Set(axisOf.values())].sort();
  /** @type {Wanted[]} */
  const wanted = [];
  for (const segment of state.segments) {
    const tags = selectedTags(segment, filter, axisOf);
    if (segment.kind === "gap" || (tags.length === 0 && (filter.axis || filter.minConfidence > 0))) continue;
    const offset = BigInt(filter.offsetFrames);
    const start = frameAt(segment.start, origin, ticksPerFrame) + offset;
    const end = frameAt(segment.end, origin, ticksPerFrame) + offset;
    if (start < 0n) continue;
    const scores = tags.map(({ tag, confidence }) => `${tag} ${confidence.toFixed(2)}`).join(", ");
    wanted.push({
      key: `${state.id} ${segment.segment}`,
      name: tagNames(tags) || `Segment ${segment.index + 1}`,
      body: [segment.caption?.replace(/\s+/g, " ").trim(), scores].filter(Boolean).join("\n"),
      start: start * ticksPerFrame,
      duration: (end > start ? end - start : 1n) * ticksPerFrame,
      color:
        AXIS_COLORS[Math.max(0, axes.indexOf(axisOf.get(tags[0]?.tag ?? "") ?? "")) % AXIS_COLORS.length] ?? "BLUE",
    });
  }
  return wanted;
}

/**
 * @param {SegmentState} segment @param {Filter} filter @param {Map<string, string>} axisOf
 */
export function selectedTags(segment, filter, axisOf) {
  return segment.tags.filter(
    ({ tag, confidence }) => confidence >= filter.minConfidence && (!filter.axis || axisOf.get(tag) === filter.axis),
  );
}

/** The strongest tags, as a marker and the list of the panel show them. @param {readonly {tag: string}[]} tags */
export function tagNames(tags) {
  return tags
    .slice(0, NAME_TAGS)
    .map(({ tag }) => tag)
    .join(", ");
}

/**
 * Return the frame of the sequence nearest to a time, exactly.
 *
 * @param {{pts: number, time_base: string}} time @param {number} origin pts at which the sequence begins
 * @param {bigint} ticksPerFrame
 */
export function frameAt(time, origin, ticksPerFrame) {
  const [numerator = 1n, denominator = 1n] = time.time_base.split("/").map(BigInt);
  const ticks = BigInt(time.pts - origin) * numerator * TICKS_PER_SECOND;
  const frame = denominator * ticksPerFrame;
  return (2n * ticks + frame) / (2n * frame);
}

/** The comment of a marker that was not changed since. @param {Wanted} wanted */
export function commentOf(wanted) {
  const mark = `[streamtags ${wanted.key} ${digest(wanted.name, wanted.body, wanted.start, wanted.duration)}]`;
  return wanted.body ? `${wanted.body}\n${mark}` : mark;
}

/** What the last line of a comment says; null if the marker is not one of streamtags. @param {string} comments */
export function readTrailer(comments) {
  const match = TRAILER.exec(comments);
  if (!match) return null;
  return /** @type {Trailer} */ ({ key: match[1], digest: match[2], body: comments.slice(0, match.index) });
}

/** Whether a person changed the marker since it was written. @param {Shown} shown @param {Trailer} trailer */
export function isChanged(shown, trailer) {
  return digest(shown.name, trailer.body, shown.start, shown.duration) !== trailer.digest;
}

/** FNV-1a (RFC 9923) over code points: UXP has no synchronous hash. @param {...unknown} values */
function digest(...values) {
  let hash = 0x811c9dc5;
  for (const character of values.join("\u0000")) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  }
  return hash.toString(16).padStart(8, "0");
}
