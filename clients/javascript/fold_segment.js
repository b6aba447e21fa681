/** How each event changes one segment, and finding a segment by its id. */

/** @typedef {import("./fold.js").SegmentState} SegmentState */
/** @typedef {import("./fold.js").TagScore} TagScore */
/** @typedef {import("./fold.js").Correction} Correction */
/** @typedef {import("./fold.js").ModelAnswers} ModelAnswers */

/** A segment of which only the bounds are known. @param {any} bounds @returns {SegmentState} */
export function newSegment(bounds) {
  return {
    evidence: null,
    thumbnail: null,
    text: "",
    caption: null,
    caption_model: null,
    caption_rev: null,
    frames: [],
    reused_from: null,
    tags: [],
    key_information: [],
    reasoning: "",
    tags_model: null,
    tags_rev: null,
    vocabulary: null,
    rev: 0,
    status: "detected",
    error: null,
    correction: null,
    final: false,
    ...bounds,
  };
}

/**
 * Whether an event changes a segment: one of `CHANGES`, or the answer of a stage that is not built in.
 *
 * @param {string} type @param {any} data
 */
export function changesSegment(type, data) {
  return Object.hasOwn(CHANGES, type) || isAnswer(type, data);
}

/** @param {string} type @param {any} data */
function isAnswer(type, data) {
  if (type === "segment.detected" || !type.startsWith(ANSWER_PREFIX)) return false;
  return typeof data.segment === "string" && Number.isInteger(data.rev);
}

/**
 * @param {SegmentState} segment @param {string} type of an event that `changesSegment` @param {any} data
 * @returns {SegmentState}
 */
export function changeSegment(segment, type, data) {
  const change = Object.hasOwn(CHANGES, type) ? CHANGES[type](segment, data) : answered(segment, type, data);
  const next = { ...segment, ...change };
  if (type !== "segment.measured" && type !== "segment.failed") next.rev = Math.max(segment.rev, data.rev);
  next.status = statusOf(next);
  return next;
}

/** @typedef {(segment: SegmentState, data: any) => Partial<SegmentState>} SegmentChange */

const ANSWER_PREFIX = "segment.";

/** The fields that an event changes, by its type. @type {Object<string, SegmentChange>} */
const CHANGES = {
  "segment.measured": measured,
  "segment.captioned": captioned,
  "segment.tagged": tagged,
  "segment.corrected": corrected,
  "segment.failed": failed,
};

/** @param {SegmentState} segment @param {any} data */
function measured(segment, { evidence, thumbnail = null, text = "" }) {
  return { evidence, thumbnail, text, error: remainingError(segment, "measure") };
}

/** @param {SegmentState} segment @param {any} data */
function captioned(segment, { rev, caption, model, frames = [], reused_from = null }) {
  if (segment.caption_rev !== null && rev <= segment.caption_rev) return {};
  const change = { caption_rev: rev, frames, reused_from, error: remainingError(segment, "caption") };
  const keepsPersons = segment.correction !== null && segment.correction.caption !== null;
  const answer = { caption, caption_model: model };
  return { ...change, ...(keepsPersons ? {} : answer), ...keptForReset(segment, answer) };
}

/** @param {SegmentState} segment @param {any} data */
function tagged(segment, { rev, tags, model, vocabulary, key_information = [], reasoning = "" }) {
  if (segment.tags_rev !== null && rev <= segment.tags_rev) return {};
  return {
    tags: withCorrection(tags, segment.correction),
    key_information,
    reasoning,
    tags_model: model,
    tags_rev: rev,
    vocabulary,
    error: remainingError(segment, "tag"),
    ...keptForReset(segment, { tags }),
  };
}

/**
 * Return the correction of a segment with the answer of a model kept for a reset; nothing without a correction.
 *
 * @param {SegmentState} segment @param {Partial<ModelAnswers>} answer
 */
function keptForReset(segment, answer) {
  if (segment.correction === null) return {};
  return { correction: { ...segment.correction, models: { ...modelAnswers(segment), ...answer } } };
}

/** @param {SegmentState} segment @returns {ModelAnswers} */
function modelAnswers({ correction, caption, caption_model, tags }) {
  return correction?.models ?? { caption, caption_model, tags };
}

/** @param {SegmentState} segment @param {any} data */
function corrected(segment, { tags = [], untag = [], caption = null, reset = false, by }) {
  const models = modelAnswers(segment);
  const returned = reset ? { caption: models.caption, caption_model: models.caption_model } : {};
  if (reset && tags.length === 0 && untag.length === 0 && caption === null) {
    return { ...returned, correction: null, tags: [...models.tags] };
  }
  const none = { tags: [], untag: [], caption: null };
  const earlier = reset ? none : (segment.correction ?? none);
  /** @type {[string, TagScore][]} */
  const kept = earlier.tags.filter((score) => !untag.includes(score.tag)).map((score) => [score.tag, score]);
  const set = new Map(kept);
  for (const score of tags) set.set(score.tag, score);
  const correction = {
    tags: [...set.values()],
    untag: [...new Set([...earlier.untag, ...untag])].filter((tag) => !set.has(tag)),
    caption: caption === null ? earlier.caption : caption,
    by,
    models,
  };
  const change = { ...returned, correction, tags: withCorrection(models.tags, correction) };
  return caption === null ? change : { ...change, caption, caption_model: "person" };
}

/** The stage of an answer, where its event is not named like the stage. @type {Object<string, string>} */
const STAGE_OF_ANSWER = { transcribed: "transcribe", heard: "hear" };

/**
 * Keep an answer under the name of its event, without `segment.`.
 *
 * @param {SegmentState} segment @param {string} type @param {any} data
 */
function answered(segment, type, data) {
  const name = type.slice(ANSWER_PREFIX.length);
  const { segment: _, ...answer } = data;
  const answers = segment.answers ?? {};
  if (Object.hasOwn(answers, name) && answer.rev <= answers[name].rev) return {};
  const stage = Object.hasOwn(STAGE_OF_ANSWER, name) ? STAGE_OF_ANSWER[name] : name;
  return { answers: { ...answers, [name]: answer }, error: remainingError(segment, stage) };
}

// Of two stages that failed, the state reports the first in this order; other stages come last, ordered by name.
const FAILURE_ORDER = ["measure", "caption", "tag"];

/** @param {SegmentState} segment @param {any} data */
function failed(segment, { stage, error, will_retry = false }) {
  if (segment.error !== null && isAfter(stage, segment.error.stage)) return {};
  return { error: { code: error.code, message: error.message, stage, will_retry } };
}

/** @param {string} stage @param {string} other */
function isAfter(stage, other) {
  const [rank, otherRank] = [stage, other].map((name) => FAILURE_ORDER.indexOf(name));
  if (rank < 0 && otherRank < 0) return stage > other;
  return otherRank >= 0 && (rank < 0 || rank > otherRank);
}

/** The error that remains after `stage` has succeeded. @param {SegmentState} segment @param {string} stage */
function remainingError(segment, stage) {
  return segment.error === null || segment.error.stage === stage ? null : segment.error;
}

/** @param {SegmentState} segment @returns {import("./fold.js").SegmentStatus} */
function statusOf(segment) {
  if (segment.error !== null) return "failed";
  if (segment.tags_rev) return "tagged"; // rev 0 is provisional
  if (segment.caption_rev !== null) return "captioned";
  return segment.evidence === null ? "detected" : "measured";
}

/** @param {readonly TagScore[]} tags @param {Correction | null} correction @returns {TagScore[]} */
function withCorrection(tags, correction) {
  if (correction === null) return [...tags];
  const settled = new Set([...correction.tags.map((score) => score.tag), ...correction.untag]);
  const merged = [...tags.filter((score) => !settled.has(score.tag)), ...correction.tags];
  return merged.sort((a, b) => b.confidence - a.confidence);
}

// Finding segments by id without a search: a film has 10,000 of them, and every event is about one.

/**
 * The position of each segment by id, shared by all arrays with the same order.
 *
 * @type {WeakMap<readonly SegmentState[], Map<string, number>>}
 */
const indexes = new WeakMap();

/** @param {readonly SegmentState[]} segments @returns {Map<string, number>} */
function indexFor(segments) {
  let index = indexes.get(segments);
  if (!index) {
    index = new Map(segments.map((segment, at) => [segment.segment, at]));
    indexes.set(segments, index);
  }
  return index;
}

/**
 * Return the position of the segment called `name`, -1 if there is none.
 *
 * @param {readonly SegmentState[]} segments @param {string} name
 */
export function indexOf(segments, name) {
  const at = indexFor(segments).get(name) ?? -1;
  if (at < 0 || segments[at]?.segment === name) return at;
  indexes.delete(segments); // it was shared with a state that continued differently
  return indexFor(segments).get(name) ?? -1;
}

/**
 * Return a copy of `segments` with `segment` at position `at`.
 *
 * @param {readonly SegmentState[]} segments @param {number} at @param {SegmentState} segment @returns {SegmentState[]}
 */
export function withSegment(segments, at, segment) {
  const index = indexFor(segments);
  const copy = segments.slice();
  copy[at] = segment;
  index.set(segment.segment, at);
  indexes.set(copy, index);
  return copy;
}
