/** What the views look at: a timeline's state laid out for drawing, in arrays that are searched by halves. Pure. */

/** @typedef {import("./streamtags.js").TimelineState} TimelineState */
/** @typedef {import("./streamtags.js").SegmentState} SegmentState */
/** @typedef {{name: string, id: string, version: string, axes: string[], tags: {name: string, axis: string, description: string}[]}} Vocabulary */
/** What is looked for; `axis` "" is every axis. @typedef {{text: string, axis: string, confidence: number}} Filter */

/** The axis of tags that the vocabulary does not have. */
export const OTHER = "other";

/**
 * What one axis shows of each segment: its strongest tag, or the one that is searched for.
 *
 * @typedef {{name: string, tags: (string | null)[], confidence: Float32Array, more: Uint8Array, used: boolean}} Lane
 */

/** @typedef {{name: string, measure: string, unit: string, low: number, high: number, values: Float32Array}} Curve */

/** What a curve's height means, as in the measures of the evidence. */
const CURVES = [
  { name: "Loudness", measure: "loudness_lufs", unit: "LUFS", low: -60, high: -8 },
  { name: "Brightness", measure: "brightness_percent", unit: "%", low: 0, high: 100 },
  { name: "Arousal", measure: "arousal_estimate", unit: "", low: 0, high: 1 },
];

/**
 * @typedef {object} Model
 * @property {TimelineState} state
 * @property {readonly SegmentState[]} segments
 * @property {number} origin seconds at which the first segment starts; all other times count from there
 * @property {number} duration
 * @property {Float64Array} starts
 * @property {Float64Array} ends
 * @property {Lane[]} lanes
 * @property {Curve[]} curves
 * @property {Uint8Array} matches
 * @property {number} matching
 * @property {boolean} filtered
 */

/** @param {TimelineState} state @param {readonly Vocabulary[]} vocabularies @param {Filter} filter @returns {Model} */
export function layOut(state, vocabularies, filter) {
  const segments = state.segments;
  const count = segments.length;
  const origin = segments[0]?.start.seconds ?? 0;
  const starts = new Float64Array(count);
  const ends = new Float64Array(count);
  const matches = new Uint8Array(count);
  const curves = CURVES.map((curve) => ({ ...curve, values: new Float32Array(count).fill(NaN) }));
  const { names, laneOf } = axesOf(vocabularyOf(state, vocabularies));
  const lanes = names.map((name) => (
    { name, tags: new Array(count).fill(null), confidence: new Float32Array(count), more: new Uint8Array(count), used: false }
  ));
  const wanted = filter.text.trim().toLowerCase();
  let matching = 0;
  for (let at = 0; at < count; at += 1) {
    const segment = segments[at];
    starts[at] = segment.start.seconds - origin;
    ends[at] = segment.end.seconds - origin;
    for (const curve of curves) {
      const value = segment.evidence?.[curve.measure];
      if (typeof value === "number") curve.values[at] = value;
    }
    let found = wanted !== "" && Boolean(segment.caption?.toLowerCase().includes(wanted));
    let any = false;
    for (const { tag, confidence } of segment.tags) {
      if (confidence < filter.confidence) continue;
      const lane = lanes[Math.min(laneOf(tag), lanes.length - 1)];
      if (filter.axis && lane.name !== filter.axis) continue;
      any = true;
      const searched = wanted !== "" && tag.toLowerCase().includes(wanted);
      found ||= searched;
      lane.used = true;
      if (lane.tags[at] !== null) lane.more[at] += 1;
      if (lane.tags[at] === null || (searched && !lane.tags[at].toLowerCase().includes(wanted))) {
        lane.tags[at] = tag;
        lane.confidence[at] = confidence;
      }
    }
    matches[at] = Number((!wanted || found) && (any || !(filter.axis || (filter.confidence > 0 && !wanted))));
    matching += matches[at];
  }
  const used = lanes.filter((lane) => lane.name !== OTHER || lane.used);
  const last = count ? ends[count - 1] : 0;
  const duration = Math.max(last, state.source?.video?.duration ?? 0, state.progress?.decoded_seconds ?? 0);
  return {
    state, segments, origin, duration, starts, ends, lanes: used, curves, matches, matching,
    filtered: wanted !== "" || filter.axis !== "" || filter.confidence > 0,
  };
}

/** The vocabulary that the newest tags are of. @param {TimelineState} state @param {readonly Vocabulary[]} vocabularies */
export function vocabularyOf(state, vocabularies) {
  const newest = state.segments.reduce((best, one) => (one.vocabulary && one.rev > (best?.rev ?? -1) ? one : best), /** @type {SegmentState | null} */ (null));
  const ref = newest?.vocabulary ?? state.vocabulary;
  return vocabularies.find((one) => one.id === ref?.id && one.version === ref?.version) ?? vocabularies.find((one) => one.id === ref?.id) ?? null;
}

/** @param {Vocabulary | null} vocabulary */
function axesOf(vocabulary) {
  if (!vocabulary) return { names: ["tags"], laneOf: () => 0 };
  const place = new Map(vocabulary.axes.map((axis, index) => [axis, index]));
  const lanes = new Map(vocabulary.tags.map((tag) => [tag.name, place.get(tag.axis) ?? vocabulary.axes.length]));
  return {
    names: [...vocabulary.axes, OTHER],
    laneOf: (/** @type {string} */ tag) => lanes.get(tag) ?? vocabulary.axes.length,
  };
}

/** The segment that holds `seconds`, or the last before; -1 if none. @param {Model} model @param {number} seconds */
export function segmentAt(model, seconds) {
  let low = 0;
  let high = model.starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (model.starts[middle] <= seconds) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
