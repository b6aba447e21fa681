/** The fold: events in, state out. The rules are those of `streamtags.core.fold`; the same golden cases test both. */

import { afterDecided, afterDetected, setSpotting } from "./fold_cues.js";
import { afterSceneCorrected, modelsScenes, refreshScenes, setScenes } from "./fold_scenes.js";
import { changeSegment, changesSegment, indexOf, newSegment, withSegment } from "./fold_segment.js";

/** @typedef {{pts: number, time_base: string, seconds: number, frame: number, timecode: string}} Time */
/** @typedef {{tag: string, confidence: number, source?: string}} TagScore */
/** @typedef {{id: string, version: string, digest: string}} VocabularyRef */
/** @typedef {{code: string, message: string}} ErrorInfo */
/** @typedef {{caption: string | null, caption_model: string | null, tags: TagScore[]}} ModelAnswers */

/**
 * @typedef {object} Correction
 * @property {TagScore[]} tags
 * @property {string[]} untag
 * @property {string | null} caption
 * @property {string} by
 * @property {ModelAnswers | null} [models] what a reset returns to
 */

/** @typedef {"queued" | "running" | "completed" | "failed" | "cancelled"} RunState */
/** @typedef {"detected" | "measured" | "captioned" | "tagged" | "failed"} SegmentStatus */

/**
 * An event of a log.
 *
 * @typedef {object} TimelineEvent
 * @property {number} v
 * @property {string} timeline
 * @property {string} epoch
 * @property {number} seq
 * @property {string} type
 * @property {string} at
 * @property {any} data
 */

/**
 * The state of a timeline, as the server sends it at the start of a subscription.
 *
 * @typedef {object} Snapshot
 * @property {"snapshot"} type
 * @property {string} id
 * @property {string} timeline
 * @property {string} epoch
 * @property {number} seq
 * @property {TimelineState} state
 */

/**
 * One segment as known now; the fields are those of `SegmentState` in the AsyncAPI document.
 *
 * @typedef {object} SegmentState
 * @property {string} segment
 * @property {number} index
 * @property {number} shot
 * @property {Time} start
 * @property {Time} end
 * @property {"shot" | "slice" | "gap"} kind
 * @property {"cut" | "gradual" | "start" | "edit"} transition
 * @property {Object<string, any>} [clip] The clip of an edit; absent if the source is no edit.
 * @property {Object<string, any> | null} evidence
 * @property {string | null} thumbnail
 * @property {string} text
 * @property {string | null} caption
 * @property {string | null} caption_model
 * @property {number | null} caption_rev
 * @property {number[]} frames
 * @property {{timeline: string, segment: string} | null} reused_from
 * @property {TagScore[]} tags
 * @property {string[]} key_information
 * @property {string} reasoning
 * @property {string | null} tags_model
 * @property {number | null} tags_rev
 * @property {VocabularyRef | null} vocabulary
 * @property {number} rev
 * @property {SegmentStatus} status
 * @property {(ErrorInfo & {stage: string, will_retry: boolean}) | null} error
 * @property {Correction | null} correction
 * @property {boolean} final
 * @property {Object<string, any>} [answers] answers of stages that are not built in, by the name of the stage
 */

/**
 * A timeline as known after event `seq`.
 *
 * @typedef {object} TimelineState
 * @property {string} id
 * @property {string} epoch
 * @property {number} seq
 * @property {RunState} state
 * @property {any} source
 * @property {VocabularyRef | null} vocabulary
 * @property {string | null} profile
 * @property {Object<string, any>} settings
 * @property {any} progress
 * @property {readonly SegmentState[]} segments
 * @property {readonly any[]} scenes
 * @property {readonly import("./fold_scenes.js").SceneEdit[]} [scene_edits] left out if people said nothing
 * @property {readonly any[]} [detected_scenes] the scenes without `scene_edits`; left out without edits
 * @property {readonly any[]} cues
 * @property {readonly any[]} [spotting] left out if there are no cues
 * @property {LiveState | null} live
 * @property {Object<string, any> | null} summary
 * @property {ErrorInfo | null} error
 */

/** How a live source has been received. @typedef {{dropped: number, lost: any, gaps: readonly any[]}} LiveState */

/** The state before the first event. @returns {TimelineState} */
export function emptyState() {
  return {
    id: "",
    epoch: "",
    seq: 0,
    state: "queued",
    source: null,
    vocabulary: null,
    profile: null,
    settings: {},
    progress: null,
    segments: [],
    scenes: [],
    cues: [],
    live: null,
    summary: null,
    error: null,
  };
}

/**
 * Thrown for an event that cannot be folded: `code` is `store.gap` if events before it are missing, `store.epoch` if it
 * belongs to another log.
 */
export class FoldError extends Error {
  /** @param {string} message @param {"store.gap" | "store.epoch"} code */
  constructor(message, code) {
    super(message);
    this.name = "FoldError";
    this.code = code;
  }
}

/**
 * Return the state after `event`; `state` itself is not changed. An event that was folded already changes nothing.
 *
 * @param {TimelineState} state
 * @param {TimelineEvent} event
 * @returns {TimelineState}
 * @throws {FoldError} events before this one are missing, or it belongs to another log
 */
export function fold(state, event) {
  if ((state.id && event.timeline !== state.id) || (state.epoch && event.epoch !== state.epoch)) {
    const log = `${event.timeline}, epoch ${event.epoch}`;
    throw new FoldError(`event ${event.seq} is of another log (${log})`, "store.epoch");
  }
  if (event.seq <= state.seq) return state;
  if (event.seq !== state.seq + 1) {
    throw new FoldError(`events ${state.seq + 1} to ${event.seq - 1} are missing`, "store.gap");
  }
  const { type, data } = event;
  /** @type {TimelineState} */
  const next = { ...state, id: event.timeline, epoch: event.epoch, seq: event.seq };
  if (changesSegment(type, data)) changeOneSegment(state, next, type, data);
  else TIMELINE_CHANGES[type]?.(state, next, data);
  refreshScenes(next, type);
  changeRunState(state, next, type, data);
  return next;
}

/** @typedef {(state: TimelineState, next: TimelineState, data: any) => void} TimelineChange */

/** How events about the timeline change it, by type. @type {Object<string, TimelineChange>} */
const TIMELINE_CHANGES = {
  "timeline.opened": (_, next, { source, vocabulary, profile, settings = {} }) => {
    Object.assign(next, { source, vocabulary, profile, settings });
  },
  "timeline.progress": (_, next, data) => {
    next.progress = pick(data, PROGRESS);
    if (data.stages && Object.keys(data.stages).length > 0) next.progress.stages = data.stages;
  },
  "segment.detected": (state, next, data) => {
    next.segments = detect(withFinalSegments(state, data), data);
  },
  "scene.detected": (state, next, data) => {
    const scenes = upsert(modelsScenes(state), pick(data, SCENE), (scene) => scene.scene);
    scenes.sort((a, b) => a.index - b.index);
    setScenes(next, scenes, state.scene_edits ?? []);
  },
  "scene.corrected": (state, next, data) => {
    setScenes(next, modelsScenes(state), afterSceneCorrected(state.scene_edits ?? [], data));
  },
  "cues.suggested": (state, next, data) => {
    const cues = { ...pick(data, CUES), ...(data.cue ? { cue: data.cue } : {}) };
    next.cues = upsert(state.cues, cues, (one) => JSON.stringify([one.scene, one.segment, one.cue]));
  },
  "cue.detected": (state, next, data) => setSpotting(next, afterDetected(state.spotting ?? [], data)),
  "cue.decided": (state, next, data) => setSpotting(next, afterDecided(state.spotting ?? [], data)),
  "source.dropped": (state, next, data) => {
    const live = liveState(state);
    next.live = { ...live, dropped: live.dropped + (data.frames ?? 0) };
  },
  "source.lost": (state, next, data) => {
    next.live = { ...liveState(state), lost: pick(data, LOST) };
  },
  "source.resumed": (state, next, data) => {
    const live = liveState(state);
    next.live = { ...live, lost: null, gaps: [...live.gaps, pick(data, RESUMED)] };
  },
};

/** @type {Object<string, any>} */
const PROGRESS = { decoded_seconds: 0, duration_seconds: null, segments: 0, captioned: 0, tagged: 0, failed: 0 };
const SCENE = { scene: "", index: 0, first: "", last: "", start: null, end: null, tags: [] };
const CUES = { scene: null, segment: null, guide: null, library: "", cues: [] };
const BOUNDS = { segment: "", index: 0, shot: 0, start: null, end: null, kind: "shot", transition: "cut" };
const LOST = { at: null, error: null, attempt: 0, retry_seconds: null };
const RESUMED = { start: null, end: null, seconds: 0 };

/** @param {TimelineState} state @returns {LiveState} */
function liveState({ live }) {
  return live ?? { dropped: 0, lost: null, gaps: [] };
}

/** @param {TimelineState} state @param {TimelineState} next @param {string} type @param {any} data */
function changeOneSegment(state, next, type, data) {
  const at = indexOf(state.segments, data.segment);
  if (at < 0) return;
  const before = state.segments[at];
  next.segments = withSegment(state.segments, at, changeSegment(before, type, data));
  if (type === "segment.tagged" && data.rev && (before.tags_rev === null || data.rev > before.tags_rev)) {
    next.vocabulary = data.vocabulary;
  }
}

/**
 * Return the segments of a live source with the newest one final, if `data` is about a segment after it.
 *
 * @param {TimelineState} state @param {any} data
 */
function withFinalSegments({ source, segments }, data) {
  const last = segments[segments.length - 1];
  if (!source?.live || !last || last.index >= data.index) return segments;
  return withSegment(segments, segments.length - 1, { ...last, final: true });
}

/**
 * Return the fields of `defaults`, from `data` where it has them.
 *
 * @param {any} data @param {Object<string, any>} defaults @returns {any}
 */
function pick(data, defaults) {
  return Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, name in data ? data[name] : value]));
}

/**
 * Return `items` with `item` in the place of the one with the same key, or at the end.
 *
 * @template T
 * @param {readonly T[]} items @param {T} item @param {(item: T) => string} key @returns {T[]}
 */
function upsert(items, item, key) {
  const at = items.findIndex((one) => key(one) === key(item));
  return at < 0 ? [...items, item] : items.map((one, index) => (index === at ? item : one));
}

/** @param {readonly SegmentState[]} segments @param {any} data @returns {readonly SegmentState[]} */
function detect(segments, data) {
  const bounds = { ...pick(data, BOUNDS), ...(data.clip ? { clip: data.clip } : {}) };
  const at = indexOf(segments, data.segment);
  if (at >= 0 && segments[at].index === bounds.index) {
    return withSegment(segments, at, { ...segments[at], ...bounds });
  }
  const last = segments[segments.length - 1];
  if (at < 0 && (!last || last.index <= bounds.index)) {
    return withSegment(segments, segments.length, newSegment(bounds));
  }
  const others = segments.filter((_, index) => index !== at);
  const segment = at < 0 ? newSegment(bounds) : { ...segments[at], ...bounds };
  return [...others, segment].sort((a, b) => a.index - b.index);
}

/** @type {Object<string, RunState>} */
const RUN_STATES = {
  "timeline.opened": "running",
  "timeline.progress": "running",
  "segment.detected": "running",
  "timeline.completed": "completed",
  "timeline.failed": "failed",
  "timeline.cancelled": "cancelled",
};

/** @param {RunState} state */
function hasEnded(state) {
  return state === "completed" || state === "failed" || state === "cancelled";
}

/** @param {TimelineState} before @param {TimelineState} next @param {string} type @param {any} data */
function changeRunState(before, next, type, data) {
  next.state = RUN_STATES[type] ?? before.state;
  if (type === "timeline.completed" || type === "timeline.cancelled") {
    Object.assign(next, { summary: data.summary ?? {}, error: null });
  } else if (type === "timeline.failed") {
    Object.assign(next, { summary: null, error: pick(data.error, { code: "", message: "" }) });
  } else if (next.state !== before.state) {
    Object.assign(next, { summary: null, error: null });
  }
  const ended = hasEnded(next.state);
  if (ended === hasEnded(before.state)) return;
  const newest = next.segments.length - 1;
  const isLive = Boolean(next.source?.live);
  next.segments = next.segments.map((segment, at) => ({ ...segment, final: ended || (isLive && at !== newest) }));
}
