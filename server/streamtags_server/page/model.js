/** A timeline's state laid out for the views, in arrays that can be searched by halves. Pure. */

import { isActive, passes, wordsOf } from "./filter.js";
import { musicText } from "./heard.js";

/** @typedef {import("./streamtags.js").TimelineState} TimelineState */
/** @typedef {import("./streamtags.js").SegmentState} SegmentState */
/** @typedef {import("./filter.js").Filter} Filter */
/** @typedef {import("./info.js").Info} Info */
/** @typedef {{name: string, axis: string, description: string}} Tag */
/** @typedef {{name: string, id: string, version: string, digest: string, axes: string[], tags: Tag[]}} Vocabulary */

/** The axis of tags that the vocabulary does not have. */
export const OTHER = "other";

/** The measures that are shown as curves. */
const CURVES = ["loudness_lufs", "brightness_percent", "arousal_estimate"];

/**
 * The strongest tag of an axis for each segment, or the one that the filter names.
 *
 * @typedef {object} Lane
 * @property {string} name
 * @property {(string | null)[]} tags
 * @property {Float32Array} confidence 0 without a tag
 * @property {Uint8Array} more further tags of the axis
 * @property {boolean} used
 */

/** @typedef {{name: string, measure: string, unit: string, low: number, high: number, values: Float32Array}} Curve */

/**
 * Answers of a stage that another package registers.
 *
 * @typedef {{title: string, textAt: (at: number) => string | null}} Answers
 */

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
 * @property {Answers[]} answers
 * @property {Uint8Array} matches
 * @property {number} matching how many segments the filter passes
 * @property {boolean} hasHeard whether a stage has listened to any segment
 * @property {boolean} filtered whether the filter leaves out anything
 */

/**
 * @param {TimelineState} state @param {readonly Vocabulary[]} vocabularies @param {Filter} filter @param {Info} info
 * @returns {Model}
 */
export function layOut(state, vocabularies, filter, info) {
  const segments = state.segments;
  const count = segments.length;
  const origin = segments[0]?.start.seconds ?? 0;
  const starts = new Float64Array(count);
  const ends = new Float64Array(count);
  const matches = new Uint8Array(count);
  const lanes = new Lanes(vocabularyOf(state, vocabularies), count, filter);
  let matching = 0;
  for (let at = 0; at < count; at += 1) {
    const segment = segments[at];
    starts[at] = segment.start.seconds - origin;
    ends[at] = segment.end.seconds - origin;
    const tags = lanes.add(segment, at);
    matches[at] = Number(passes(segment, tags, lanes.words, filter));
    matching += matches[at];
  }
  const known = [count ? ends[count - 1] : 0, state.source?.video?.duration ?? 0, state.progress?.decoded_seconds ?? 0];
  return {
    state,
    segments,
    origin,
    duration: Math.max(...known),
    starts,
    ends,
    lanes: lanes.all.filter((lane) => lane.name !== OTHER || lane.used),
    curves: curvesOf(segments, info),
    answers: answersOf(segments, info),
    matches,
    matching,
    hasHeard: segments.some((segment) => isHeard(segment)),
    filtered: isActive(filter),
  };
}

/** @param {any} segment */
function isHeard(segment) {
  return Boolean(segment.answers?.heard);
}

/** Fills one lane for each axis. */
class Lanes {
  /** @param {Vocabulary | null} vocabulary @param {number} count @param {Filter} filter */
  constructor(vocabulary, count, filter) {
    const axes = vocabulary ? [...vocabulary.axes, OTHER] : ["tags"];
    const places = new Map(axes.map((axis, at) => [axis, at]));
    this._places = new Map(vocabulary?.tags.map((tag) => [tag.name, places.get(tag.axis) ?? axes.length - 1]));
    this._filter = filter;
    this.words = wordsOf(filter.text);
    /** @type {Lane[]} */
    this.all = axes.map((name) => ({
      name,
      tags: new Array(count).fill(null),
      confidence: new Float32Array(count),
      more: new Uint8Array(count),
      used: false,
    }));
  }

  /**
   * Put the tags of a segment into their lanes; return the names of those that pass axis and confidence, in lower case.
   *
   * @param {SegmentState} segment @param {number} at
   */
  add(segment, at) {
    const names = [];
    for (const { tag, confidence } of segment.tags) {
      if (confidence < this._filter.confidence) continue;
      const lane = this.all[this._places.get(tag) ?? this.all.length - 1];
      if (this._filter.axis && lane.name !== this._filter.axis) continue;
      const name = tag.toLowerCase();
      names.push(name);
      lane.used = true;
      if (lane.tags[at] !== null) lane.more[at] += 1;
      if (lane.tags[at] === null || (this._isNamed(name) && !this._isNamed(lane.tags[at].toLowerCase()))) {
        lane.tags[at] = tag;
        lane.confidence[at] = confidence;
      }
    }
    return names;
  }

  /** @param {string} name */
  _isNamed(name) {
    return this.words.some((word) => name.includes(word));
  }
}

/** @param {readonly SegmentState[]} segments @param {Info} info @returns {Curve[]} */
function curvesOf(segments, info) {
  const measures = CURVES.map((name) => info.measure(name)).filter((measure) => measure !== null);
  return measures.map((measure) => {
    const values = new Float32Array(segments.length).fill(NaN);
    segments.forEach((segment, at) => {
      const value = segment.evidence?.[measure.name];
      if (typeof value === "number") values[at] = value;
    });
    const { label, unit, low, high } = measure;
    return { name: label, measure: measure.name, unit, low: low ?? 0, high: high ?? 1, values };
  });
}

/** @param {readonly any[]} segments @param {Info} info @returns {Answers[]} */
function answersOf(segments, info) {
  const names = new Set(segments.flatMap((segment) => (segment.answers ? Object.keys(segment.answers) : [])));
  names.delete("heard"); // has lanes of its own
  const textOf = (/** @type {any} */ segment, /** @type {string} */ name) =>
    (segment.answers?.[name] && answerText(segment.answers[name])) || null;
  return [...names]
    .filter((name) => segments.some((segment) => textOf(segment, name))) // a row says something somewhere
    .sort()
    .map((name) => ({ title: info.stageTitle(name), textAt: (at) => textOf(segments[at], name) }));
}

/**
 * The answer of a stage in a few words: the text of its `lines`, the shares of its `content`, its faces, or its fields
 * but `rev` and `model`.
 *
 * @param {Object<string, any>} answer
 */
export function answerText(answer) {
  if (Array.isArray(answer.lines)) return linesText(answer.lines) || (answer.skipped ?? "");
  if (typeof answer.content === "object" && answer.content !== null) {
    if (answer.has_sound === false) return "no sound track";
    return [sharesText(answer.content), musicText({ answers: { heard: answer } })].filter(Boolean).join("; ");
  }
  if (typeof answer.shot_size === "string") return facesText(answer);
  const fields = Object.entries(answer).filter(
    ([name, value]) => !["rev", "model", "ms"].includes(name) && value !== null,
  );
  const shown = fields.map(([name, value]) => {
    const text = typeof value === "object" ? JSON.stringify(value) : String(value);
    return fields.length > 1 ? `${name.replaceAll("_", " ")} ${text}` : text;
  });
  return shown.join(", ").slice(0, 300);
}

/** Faces in words: `2 faces, close-up, apparent joy 0.7`. @param {Object<string, any>} answer */
function facesText({ count, shot_size: size, expressions }) {
  if (!(count > 0)) return "no faces";
  const [first] = Array.isArray(expressions) ? expressions : [];
  const look = typeof first?.confidence === "number" ? `apparent ${first.label} ${first.confidence.toFixed(1)}` : "";
  return [`${count} face${count > 1 ? "s" : ""}`, size, look].filter((word) => word && word !== "none").join(", ");
}

/** @param {any[]} lines @returns {string} */
function linesText(lines) {
  return lines.map((line) => line?.text ?? "").join(" / ");
}

/** The shares above a twentieth, the largest first: `music 92 %, speech 10 %`. @param {Object<string, any>} shares */
function sharesText(shares) {
  return Object.entries(shares)
    .filter(([, share]) => share >= 0.05)
    .sort(([, one], [, other]) => other - one)
    .map(([name, share]) => `${name} ${Math.round(share * 100)} %`)
    .join(", ");
}

/**
 * The vocabulary of the newest tags.
 *
 * @param {TimelineState} state @param {readonly Vocabulary[]} vocabularies @returns {Vocabulary | null}
 */
export function vocabularyOf(state, vocabularies) {
  /** @type {SegmentState | null} */
  let newest = null;
  for (const segment of state.segments) if (segment.vocabulary && segment.rev > (newest?.rev ?? -1)) newest = segment;
  const ref = newest?.vocabulary ?? state.vocabulary;
  const sameId = vocabularies.filter((one) => one.id === ref?.id);
  return sameId.find((one) => one.version === ref?.version) ?? sameId[0] ?? null;
}

/**
 * The segment that contains `seconds`, or the last before it; -1 if there is none.
 *
 * @param {Model} model
 * @param {number} seconds
 */
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

/**
 * The next segment that the filter passes, from `at` in direction `way`, around the end; -1 if there is none.
 *
 * @param {Model} model
 * @param {number} at
 * @param {1 | -1} way
 */
export function nextMatch(model, at, way) {
  const count = model.matches.length;
  for (let step = 1; step <= count; step += 1) {
    const next = (((at + way * step) % count) + count) % count;
    if (model.matches[next]) return next;
  }
  return -1;
}

/**
 * The next segment that the filter passes, from `at` in direction `way`, but not around the end: then it is `at`.
 *
 * @param {Model} model
 * @param {number} at
 * @param {1 | -1} way
 */
export function nextListed(model, at, way) {
  for (let next = at + way; next >= 0 && next < model.matches.length; next += way) {
    if (model.matches[next]) return next;
  }
  return at;
}
