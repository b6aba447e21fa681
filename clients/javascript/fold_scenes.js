// Scenes as people see them, as streamtags/core/scene_fold.py does: detected, then split and merged by a person.

import { indexOf } from "./fold_segment.js";

/** @typedef {import("./fold.js").TimelineState} TimelineState */
/** @typedef {import("./fold.js").TagScore} TagScore */
/** What a person says of a segment. @typedef {{segment: string, begins: boolean, by: string}} SceneEdit */

/**
 * Segments `first` to `last`, by their places; `whole` is the detected scene if it is one.
 *
 * @typedef {{name: string, first: number, last: number, whole: any}} Part
 */

/** Events about segments that change scenes that people edited. */
const RELEVANT = new Set(["segment.detected", "segment.tagged", "segment.corrected"]);

/** The scenes without what people said. @param {TimelineState} state @returns {readonly any[]} */
export function modelsScenes(state) {
  return state.scene_edits?.length ? (state.detected_scenes ?? []) : state.scenes;
}

/**
 * Return what people said after one more correction.
 *
 * @param {readonly SceneEdit[]} edits @param {any} data @returns {SceneEdit[]}
 */
export function afterSceneCorrected(edits, { segment, begins, by }) {
  if (begins === null) return edits.filter((edit) => edit.segment !== segment);
  const edit = { segment, begins, by };
  const at = edits.findIndex((one) => one.segment === segment);
  return at < 0 ? [...edits, edit] : edits.map((one, index) => (index === at ? edit : one));
}

/**
 * Put scenes into a state: those that were detected, or with what people said.
 *
 * @param {TimelineState} state @param {readonly any[]} detected in order @param {readonly SceneEdit[]} edits
 */
export function setScenes(state, detected, edits) {
  delete state.scene_edits;
  delete state.detected_scenes;
  state.scenes = detected;
  if (!edits.length) return;
  state.scene_edits = edits;
  if (detected.length) state.detected_scenes = detected;
  state.scenes = editedScenes(detected, edits, state.segments);
}

/** Bring edited scenes up to date after an event. @param {TimelineState} state @param {string} type */
export function refreshScenes(state, type) {
  if (state.scene_edits?.length && RELEVANT.has(type)) setScenes(state, modelsScenes(state), state.scene_edits);
}

/** @param {readonly any[]} detected @param {readonly SceneEdit[]} edits @param {TimelineState["segments"]} segments */
function editedScenes(detected, edits, segments) {
  const places = edits.map((edit) => ({ place: indexOf(segments, edit.segment), begins: edit.begins }));
  const begins = new Map(places.map(({ place, begins: says }) => [place, says]));
  const splits = places.filter((one) => one.begins).map(({ place }) => place);
  splits.sort((one, two) => one - two);
  /** @type {Part[]} */
  const joined = [];
  for (const scene of detected) {
    for (const part of partsOf(scene, splits, segments)) {
      const before = joined[joined.length - 1];
      const isMerged = before && part.first >= 0 && part.first === before.last + 1 && begins.get(part.first) === false;
      if (isMerged) joined[joined.length - 1] = { ...before, last: part.last, whole: null };
      else joined.push(part);
    }
  }
  return joined.map((part, index) => sceneOf(part, index, segments));
}

/**
 * The parts of a detected scene; one whose segments are not known is a part without places.
 *
 * @param {any} scene @param {readonly number[]} splits in order @param {TimelineState["segments"]} segments
 * @returns {Part[]}
 */
function partsOf(scene, splits, segments) {
  const [first, last] = [indexOf(segments, scene.first), indexOf(segments, scene.last)];
  if (first < 0 || last < first) return [{ name: scene.scene, first: -1, last: -2, whole: scene }];
  const starts = [first, ...splits.filter((place) => place > first && place <= last)];
  return starts.map((start, at) => ({
    name: at === 0 ? scene.scene : `${scene.scene}-${segments[start].segment}`,
    first: start,
    last: (starts[at + 1] ?? last + 1) - 1,
    whole: starts.length === 1 ? scene : null,
  }));
}

/** @param {Part} part @param {number} index @param {TimelineState["segments"]} segments */
function sceneOf({ name, first, last, whole }, index, segments) {
  if (whole) return { ...whole, index };
  const [one, other] = [segments[first], segments[last]];
  const tags = meanTags(segments.slice(first, last + 1));
  return { scene: name, index, first: one.segment, last: other.segment, start: one.start, end: other.end, tags };
}

/**
 * The mean confidence of each tag, weighted by the lengths of the segments; gaps do not count.
 *
 * @param {TimelineState["segments"]} segments @returns {TagScore[]}
 */
function meanTags(segments) {
  const received = segments.filter((segment) => segment.kind !== "gap");
  const total = received.reduce((sum, segment) => sum + secondsOf(segment), 0);
  if (total <= 0) return [];
  /** @type {Map<string, number>} */
  const sums = new Map();
  for (const segment of received) {
    for (const { tag, confidence } of segment.tags) {
      sums.set(tag, (sums.get(tag) ?? 0) + (confidence * secondsOf(segment)) / total);
    }
  }
  const scores = [...sums].map(([tag, sum]) => ({ tag, confidence: rounded(Math.min(1, Math.max(0, sum))) }));
  return scores.sort((a, b) => b.confidence - a.confidence || (a.tag < b.tag ? -1 : 1));
}

/** @param {TimelineState["segments"][number]} segment */
function secondsOf({ start, end }) {
  const [over, under] = start.time_base.split("/").map(Number);
  return ((end.pts - start.pts) * over) / under;
}

/** Round to 4 places, and a number in the middle to the even one, as Python does. @param {number} value */
function rounded(value) {
  const isMiddle = (value * 32) % 2 === 1; // the only such numbers that a double can be
  if (!isMiddle) return Number(value.toFixed(4));
  const below = Math.floor(value * 10_000);
  return (below % 2 === 0 ? below : below + 1) / 10_000;
}
