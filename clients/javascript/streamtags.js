/**
 * The JavaScript client of a streamtags server: one module without dependencies, for browsers, Node and Adobe UXP.
 *
 *     import { StreamtagsClient } from "./streamtags.js";
 *     const client = new StreamtagsClient("ws://127.0.0.1:8710");
 *     client.subscribe("*", {}, (item, state) => console.log(state.id, state.segments.length));
 *
 * @module streamtags
 */

/** @typedef {{pts: number, time_base: string, seconds: number, frame: number, timecode: string}} Time */
/** @typedef {{tag: string, confidence: number}} TagScore */
/** @typedef {{id: string, version: string, digest: string}} VocabularyRef */
/** @typedef {{code: string, message: string}} ErrorInfo */
/** @typedef {{v: number, timeline: string, epoch: string, seq: number, type: string, at: string, data: any}} TimelineEvent */
/** @typedef {{type: "snapshot", id: string, timeline: string, epoch: string, seq: number, state: TimelineState}} Snapshot */
/** @typedef {{tags: TagScore[], untag: string[], caption: string | null, by: string}} Correction */
/** @typedef {"queued" | "running" | "completed" | "failed" | "cancelled"} RunState */
/** @typedef {"detected" | "measured" | "captioned" | "tagged" | "failed"} SegmentStatus */
/** @typedef {"viewer" | "editor"} Role */
/** @typedef {{types?: string[], tags?: string[], min_confidence?: number}} Filter */

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
 * @property {readonly any[]} cues
 * @property {{dropped: number, lost: any, gaps: readonly any[]} | null} live
 * @property {Object<string, any> | null} summary
 * @property {ErrorInfo | null} error
 */

// The fold: events in, state out

/** The state before any event. @returns {TimelineState} */
export function emptyState() {
  return {
    id: "", epoch: "", seq: 0, state: "queued", source: null, vocabulary: null, profile: null, settings: {}, progress: null,
    segments: [], scenes: [], cues: [], live: null, summary: null, error: null,
  };
}

/** An event that cannot be folded in: `code` is `store.gap` where events are missing before it, `store.epoch` if of another log. */
export class FoldError extends Error {
  /** @param {string} message @param {"store.gap" | "store.epoch"} code */
  constructor(message, code) {
    super(message);
    this.name = "FoldError";
    this.code = code;
  }
}

/**
 * The state after `event`; `state` itself is not changed. An event folded before changes nothing.
 *
 * @param {TimelineState} state
 * @param {TimelineEvent} event
 * @returns {TimelineState}
 * @throws {FoldError} events are missing before this one, or it is of another log
 */
export function fold(state, event) {
  if ((state.id && event.timeline !== state.id) || (state.epoch && event.epoch !== state.epoch)) {
    throw new FoldError(`event ${event.seq} is of another log (${event.timeline}, epoch ${event.epoch})`, "store.epoch");
  }
  if (event.seq <= state.seq) return state;
  if (event.seq !== state.seq + 1) {
    throw new FoldError(`events ${state.seq + 1} to ${event.seq - 1} are missing`, "store.gap");
  }
  const { type, data } = event;
  /** @type {TimelineState} */
  const next = { ...state, id: event.timeline, epoch: event.epoch, seq: event.seq };
  switch (type) {
    case "timeline.opened":
      Object.assign(next, { source: data.source, vocabulary: data.vocabulary, profile: data.profile, settings: data.settings ?? {} });
      break;
    case "timeline.progress":
      next.progress = pick(data, PROGRESS);
      break;
    case "segment.detected":
      next.segments = detect(settled(state, data), data);
      break;
    case "scene.detected":
      next.scenes = upsert(state.scenes, pick(data, SCENE), (scene) => scene.scene).sort((a, b) => a.index - b.index);
      break;
    case "cues.suggested":
      next.cues = upsert(state.cues, pick(data, CUES), (cues) => JSON.stringify([cues.scene, cues.segment]));
      break;
    case "source.dropped":
    case "source.lost":
    case "source.resumed":
      next.live = RECEIVED[type](state.live ?? { dropped: 0, lost: null, gaps: [] }, data);
      break;
    default:
      if (!(type in CHANGES)) break;
      next.segments = change(state.segments, type, data);
      if (type === "segment.tagged" && data.rev && next.segments !== state.segments) {
        const held = state.segments[placeOf(state.segments, data.segment)];
        if (held.tags_rev === null || data.rev > held.tags_rev) next.vocabulary = data.vocabulary;
      }
  }
  moveOn(state, next, type, data);
  return next;
}

/** @type {Object<string, any>} */
const PROGRESS = { decoded_seconds: 0, duration_seconds: null, segments: 0, captioned: 0, tagged: 0, failed: 0 };
const SCENE = { scene: "", index: 0, first: "", last: "", start: null, end: null, tags: [] };
const CUES = { scene: null, segment: null, guide: null, library: "", cues: [] };
const BOUNDS = { segment: "", index: 0, shot: 0, start: null, end: null, kind: "shot", transition: "cut" };
const DROPPED = { frames: 0, start: null, end: null, total: 0 };
const LOST = { at: null, error: null, attempt: 0, retry_seconds: null };
const RESUMED = { start: null, end: null, seconds: 0 };
const STAGES = ["measure", "caption", "tag"];

/** How a live source has been received. @type {Object<string, (held: any, told: any) => TimelineState["live"]>} */
const RECEIVED = {
  "source.dropped": (held, told) => ({ ...held, dropped: held.dropped + pick(told, DROPPED).frames }),
  "source.lost": (held, told) => ({ ...held, lost: pick(told, LOST) }),
  "source.resumed": (held, told) => ({ ...held, lost: null, gaps: [...held.gaps, pick(told, RESUMED)] }),
};

/** The segments, the newest final if it is of a live source and `data` tells of one after it. @param {TimelineState} state @param {any} data */
function settled({ source, segments }, data) {
  const last = segments[segments.length - 1];
  if (!source?.live || !last || last.index >= data.index) return segments;
  return withSegment(segments, segments.length - 1, { ...last, final: true });
}

/** The fields of `defaults`, from `data` where it has them. @param {any} data @param {Object<string, any>} defaults @returns {any} */
function pick(data, defaults) {
  return Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, name in data ? data[name] : value]));
}

/**
 * `items` with `item` in the place of the one of the same key, or at the end.
 *
 * @template T
 * @param {readonly T[]} items @param {T} item @param {(item: T) => string} key @returns {T[]}
 */
function upsert(items, item, key) {
  const at = items.findIndex((held) => key(held) === key(item));
  return at < 0 ? [...items, item] : items.map((held, index) => (index === at ? item : held));
}

/** Where each segment stands, shared by all arrays of the same order: a lookup must not cost a search in a film of 10,000. */
/** @type {WeakMap<readonly SegmentState[], Map<string, number>>} */
const places = new WeakMap();

/** @param {readonly SegmentState[]} segments @returns {Map<string, number>} */
function placesIn(segments) {
  let found = places.get(segments);
  if (!found) {
    found = new Map(segments.map((segment, index) => [segment.segment, index]));
    places.set(segments, found);
  }
  return found;
}

/** Where `name` stands in `segments`, -1 if nowhere. @param {readonly SegmentState[]} segments @param {string} name */
function placeOf(segments, name) {
  const at = placesIn(segments).get(name) ?? -1;
  if (at < 0 || segments[at]?.segment === name) return at;
  places.delete(segments); // shared with a state that went another way from here
  return placesIn(segments).get(name) ?? -1;
}

/** @param {readonly SegmentState[]} segments @param {number} at @param {SegmentState} segment @returns {SegmentState[]} */
function withSegment(segments, at, segment) {
  const found = placesIn(segments);
  const copy = segments.slice();
  copy[at] = segment;
  found.set(segment.segment, at);
  places.set(copy, found);
  return copy;
}

/** @param {readonly SegmentState[]} segments @param {any} data @returns {readonly SegmentState[]} */
function detect(segments, data) {
  const bounds = pick(data, BOUNDS);
  const at = placeOf(segments, data.segment);
  if (at >= 0 && segments[at].index === bounds.index) return withSegment(segments, at, { ...segments[at], ...bounds });
  const last = segments[segments.length - 1];
  if (at < 0 && (!last || last.index <= bounds.index)) return withSegment(segments, segments.length, { ...UNKNOWN, ...bounds });
  const others = segments.filter((_, index) => index !== at);
  const segment = at < 0 ? { ...UNKNOWN, ...bounds } : { ...segments[at], ...bounds };
  return [...others, segment].sort((a, b) => a.index - b.index);
}

/** What is known of a segment besides its bounds before anything is told. @type {any} */
const UNKNOWN = {
  evidence: null, thumbnail: null, text: "", caption: null, caption_model: null, caption_rev: null, frames: [], reused_from: null,
  tags: [], key_information: [], reasoning: "", tags_model: null, tags_rev: null, vocabulary: null, rev: 0, status: "detected",
  error: null, correction: null, final: false,
};

/** @param {readonly SegmentState[]} segments @param {string} type @param {any} data @returns {readonly SegmentState[]} */
function change(segments, type, data) {
  const at = placeOf(segments, data.segment);
  if (at < 0) return segments;
  const held = segments[at];
  const next = { ...held, ...CHANGES[type](held, data) };
  if (type !== "segment.measured" && type !== "segment.failed") next.rev = Math.max(held.rev, data.rev);
  next.status = statusOf(next);
  return withSegment(segments, at, next);
}

/** @type {Object<string, (held: SegmentState, told: any) => Partial<SegmentState>>} */
const CHANGES = {
  "segment.measured": (held, told) => ({
    evidence: told.evidence, thumbnail: told.thumbnail ?? null, text: told.text ?? "", error: left(held, "measure"),
  }),
  "segment.captioned": (held, told) => {
    if (held.caption_rev !== null && told.rev <= held.caption_rev) return {};
    const corrected = held.correction !== null && held.correction.caption !== null;
    return {
      caption_rev: told.rev, frames: told.frames ?? [], reused_from: told.reused_from ?? null, error: left(held, "caption"),
      ...(corrected ? {} : { caption: told.caption, caption_model: told.model }),
    };
  },
  "segment.tagged": (held, told) => {
    if (held.tags_rev !== null && told.rev <= held.tags_rev) return {};
    return {
      tags: overlaid(told.tags, held.correction), key_information: told.key_information ?? [], reasoning: told.reasoning ?? "",
      tags_model: told.model, tags_rev: told.rev, vocabulary: told.vocabulary, error: left(held, "tag"),
    };
  },
  "segment.corrected": (held, told) => {
    const earlier = held.correction ?? { tags: [], untag: [], caption: null, by: told.by };
    const untagged = told.untag ?? [];
    const tags = new Map(earlier.tags.filter((score) => !untagged.includes(score.tag)).map((score) => [score.tag, score]));
    for (const score of told.tags ?? []) tags.set(score.tag, score);
    const caption = told.caption ?? null;
    const correction = {
      tags: [...tags.values()],
      untag: [...new Set([...earlier.untag, ...untagged])].filter((tag) => !tags.has(tag)),
      caption: caption === null ? earlier.caption : caption,
      by: told.by,
    };
    return {
      correction, tags: overlaid(held.tags, correction), ...(caption === null ? {} : { caption, caption_model: "person" }),
    };
  },
  "segment.failed": (held, told) => {
    if (held.error !== null && STAGES.indexOf(told.stage) > STAGES.indexOf(held.error.stage)) return {};
    return { error: { code: told.error.code, message: told.error.message, stage: told.stage, will_retry: told.will_retry ?? false } };
  },
};

/** The error that stands when `stage` has succeeded. @param {SegmentState} held @param {string} stage */
function left(held, stage) {
  return held.error === null || held.error.stage === stage ? null : held.error;
}

/** @param {SegmentState} segment @returns {SegmentStatus} */
function statusOf(segment) {
  if (segment.error !== null) return "failed";
  if (segment.tags_rev) return "tagged"; // rev 0 is provisional
  if (segment.caption_rev !== null) return "captioned";
  return segment.evidence === null ? "detected" : "measured";
}

/** @param {readonly TagScore[]} tags @param {Correction | null} correction @returns {TagScore[]} */
function overlaid(tags, correction) {
  if (correction === null) return [...tags];
  const settled = new Set([...correction.tags.map((score) => score.tag), ...correction.untag]);
  const merged = [...tags.filter((score) => !settled.has(score.tag)), ...correction.tags];
  return merged.sort((a, b) => b.confidence - a.confidence);
}

/** @type {Object<string, RunState>} */
const RUN_STATES = {
  "timeline.opened": "running", "timeline.progress": "running", "segment.detected": "running",
  "timeline.completed": "completed", "timeline.failed": "failed", "timeline.cancelled": "cancelled",
};

/** @param {RunState} state */
function ended(state) {
  return state === "completed" || state === "failed" || state === "cancelled";
}

/** @param {TimelineState} before @param {TimelineState} next @param {string} type @param {any} data */
function moveOn(before, next, type, data) {
  next.state = RUN_STATES[type] ?? before.state;
  if (type === "timeline.completed" || type === "timeline.cancelled") {
    Object.assign(next, { summary: data.summary ?? {}, error: null });
  } else if (type === "timeline.failed") {
    Object.assign(next, { summary: null, error: pick(data.error, { code: "", message: "" }) });
  } else if (next.state !== before.state) {
    Object.assign(next, { summary: null, error: null });
  }
  const final = ended(next.state);
  if (final === ended(before.state)) return;
  const newest = next.segments.length - 1;
  next.segments = next.segments.map((segment, at) => ({ ...segment, final: final || (Boolean(next.source?.live) && at !== newest) }));
}

// The client

/** Why the server was left, or a request failed: `code` is a close code or the server's own name for an error. */
export class StreamtagsError extends Error {
  /** @param {string} message @param {string | number} code @param {any} [detail] */
  constructor(message, code, detail) {
    super(message);
    this.name = "StreamtagsError";
    this.code = code;
    this.detail = detail;
  }
}

/** A client comes back, with backoff, after these close codes and no other. */
export const RECONNECT_CODES = Object.freeze([1001, 1006, 1011, 1012, 4500]);

const SUBPROTOCOL = "streamtags.v1";
const PATH = "/v1/stream";
const PROTOCOL_VERSION = 1;
const GREETING_SECONDS = 10;
const CLOSING_SECONDS = 0.1;
const SILENT_HEARTBEATS = 2.5;
const GAPS_IN_A_ROW = 5;

/**
 * @typedef {object} ClientOptions
 * @property {string} [token] where the server asks for one
 * @property {string} [client] what to call this client in the server's log
 * @property {{first: number, most: number}} [backoff] seconds: the longest first wait, and the longest ever
 * @property {any} [WebSocket] the class to use; Node before 22 has none of its own
 */

/**
 * @typedef {object} SubscribeOptions
 * @property {number} [after] the last event already known; 0 for the whole log
 * @property {string} [epoch] the log that `after` counts in
 * @property {Filter} [filter] which events are wanted; no state is folded then
 * @property {(error: StreamtagsError) => void} [onError] the subscription has ended for this reason
 * @property {(timeline: string) => void} [onRemoved] the timeline is no more
 */

/** @typedef {(item: TimelineEvent | Snapshot, state: TimelineState) => void} Listener */

/**
 * Follows timelines on a server, and comes back after a lost connection with nothing missing and nothing twice.
 *
 * It says `open` when the server knows it, `close` ({code, reason, retrySeconds}) when a connection is lost, and `error` ({error}) when
 * it will not come back by itself.
 */
export class StreamtagsClient {
  /** @param {string} url `ws://127.0.0.1:8710`, or the address of the page it serves @param {ClientOptions} [options] */
  constructor(url, options = {}) {
    this.url = streamUrl(url);
    /** @type {Role | null} */
    this.role = null;
    /** What the server last said of itself. @type {any} */
    this.hello = null;
    this._options = options;
    this._WebSocket = options.WebSocket ?? globalThis.WebSocket;
    if (!this._WebSocket) throw new StreamtagsError("no WebSocket here: Node 22, or node --experimental-websocket", "usage");
    /** @type {any} */
    this._socket = null;
    this._up = false;
    this._closed = false;
    this._attempt = 0;
    this._lastId = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this._timer = undefined;
    /** @type {Set<Subscription>} */
    this._subscriptions = new Set();
    /** @type {Map<string, Subscription>} */
    this._byId = new Map();
    /** @type {Map<string, {message: object, resolve: (result: any) => void, reject: (error: Error) => void}>} */
    this._requests = new Map();
    /** @type {Map<string, Set<(event: any) => void>>} */
    this._listeners = new Map();
    this._connect();
  }

  /** @param {"open" | "close" | "error"} type @param {(event: any) => void} listener */
  addEventListener(type, listener) {
    const held = this._listeners.get(type) ?? new Set();
    this._listeners.set(type, held.add(listener));
  }

  /** @param {"open" | "close" | "error"} type @param {(event: any) => void} listener */
  removeEventListener(type, listener) {
    this._listeners.get(type)?.delete(listener);
  }

  /**
   * Follow a timeline, or all with `*`. `listener` is given each event, and a snapshot where nothing is known yet or the log was
   * replaced, with the state after it. With `*`, what was missed while a connection was lost comes as snapshots.
   *
   * @param {string} timeline
   * @param {SubscribeOptions} options
   * @param {Listener} listener
   * @returns {Subscription}
   */
  subscribe(timeline, options, listener) {
    const subscription = new Subscription(this, timeline, options, listener);
    this._subscriptions.add(subscription);
    subscription.begin();
    return subscription;
  }

  /**
   * Ask the server to do something, such as `timelines.list`. Waits for a connection; one lost before the answer rejects with the code
   * `connection.lost`: it may have been done all the same.
   *
   * @param {string} method
   * @param {Object<string, any>} [params]
   * @returns {Promise<any>}
   */
  request(method, params = {}) {
    if (this._closed) return Promise.reject(new StreamtagsError("the client is closed", "connection.lost"));
    const id = this._nextId();
    const message = { type: "request", id, method, params };
    return new Promise((resolve, reject) => {
      this._requests.set(id, { message, resolve, reject });
      if (this._up) this._send(message);
    });
  }

  /** Leave, for good. */
  close() {
    this._end(null);
  }

  // The connection

  _connect() {
    const socket = new this._WebSocket(this.url, [SUBPROTOCOL]);
    this._socket = socket;
    this._watch(GREETING_SECONDS);
    /** @param {() => void} act */
    const mine = (act) => { if (this._socket === socket) act(); };
    socket.onmessage = (/** @type {any} */ frame) => mine(() => this._receive(frame.data));
    socket.onclose = (/** @type {any} */ close) => mine(() => this._lost(close.code, close.reason ?? ""));
    // A close follows and tells as much as there is to know; of Node 20, none does where connecting fails.
    socket.onerror = () => mine(() => this._watch(CLOSING_SECONDS, "the connection failed"));
  }

  /** Take a connection that says nothing for so long as broken. @param {number} seconds @param {string} [reason] */
  _watch(seconds, reason = `nothing heard for ${seconds} s`) {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => this._lost(1006, reason), seconds * 1000);
  }

  /** @param {number} code @param {string} reason */
  _lost(code, reason) {
    this._drop();
    if (!RECONNECT_CODES.includes(code)) {
      this._end(new StreamtagsError(`the server closed the connection (${code}${reason ? `: ${reason}` : ""})`, code));
      return;
    }
    const { first, most } = this._options.backoff ?? { first: 0.25, most: 30 };
    // Exponential backoff with full jitter: Brooker, AWS Architecture Blog, 2015.
    const retrySeconds = Math.random() * Math.min(most, first * 2 ** Math.min(this._attempt, 30));
    this._attempt += 1;
    this._timer = setTimeout(() => this._connect(), retrySeconds * 1000);
    this._dispatch({ type: "close", code, reason, retrySeconds });
  }

  _drop() {
    clearTimeout(this._timer);
    const socket = this._socket;
    this._socket = null;
    this._byId.clear();
    try {
      socket?.close(1000);
    } catch {
      // it never opened, or is gone
    }
    if (!this._up) return;
    this._up = false;
    const lost = new StreamtagsError("the connection was lost before the answer came; it may have been done", "connection.lost");
    this._rejectAll(lost);
  }

  /** @param {StreamtagsError} error */
  _rejectAll(error) {
    const waiting = [...this._requests.values()];
    this._requests.clear();
    for (const { reject } of waiting) reject(error);
  }

  /** @param {StreamtagsError | null} error */
  _end(error) {
    if (this._closed) return;
    this._closed = true;
    this._drop();
    this._rejectAll(error ?? new StreamtagsError("the client is closed", "connection.lost"));
    const subscriptions = [...this._subscriptions];
    this._subscriptions.clear();
    if (!error) return;
    for (const subscription of subscriptions) subscription.options.onError?.(error);
    this._dispatch({ type: "error", error });
  }

  /** @param {any} event */
  _dispatch(event) {
    for (const listener of [...(this._listeners.get(event.type) ?? [])]) listener(event);
  }

  /** @param {object} message */
  _send(message) {
    if (this._socket?.readyState === 1) this._socket.send(JSON.stringify(message));
  }

  _nextId() {
    this._lastId += 1;
    return `c${this._lastId}`;
  }

  /** @param {any} text */
  _receive(text) {
    /** @type {any} */
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      this._end(new StreamtagsError("the server sent what is not JSON", 4400));
      return;
    }
    this._watch((this.hello?.heartbeat_seconds ?? GREETING_SECONDS) * SILENT_HEARTBEATS);
    if (["event", "snapshot", "heartbeat", "response"].includes(message.type)) this._attempt = 0; // the server does work
    const subscription = this._byId.get(message.id);
    switch (message.type) {
      case "hello":
        this.hello = message;
        this._send({ type: "identify", protocol: PROTOCOL_VERSION, client: this._options.client ?? "streamtags.js", token: this._options.token });
        break;
      case "identified":
        this._open(message.role);
        break;
      case "event":
        subscription?.offer(message.event);
        break;
      case "snapshot":
        subscription?.offer(message);
        break;
      case "subscribed":
        subscription?.subscribed(message);
        break;
      case "unsubscribed":
        subscription?.removed(subscription.timeline);
        break;
      case "removed":
        subscription?.removed(message.timeline);
        break;
      case "heartbeat":
        for (const each of [...this._byId.values()]) each.compare(message.seqs);
        break;
      case "response":
        this._answer(message.id, message.error ?? null, message.result);
        break;
      case "error":
        this._byId.get(message.reply_to)?.fail(new StreamtagsError(message.message, message.code));
        this._answer(message.reply_to, message, null);
        break;
      default: // `pong`, `lagged`, and what later versions say
    }
  }

  /** @param {Role} role */
  _open(role) {
    this.role = role;
    this._up = true;
    for (const { message } of this._requests.values()) this._send(message);
    for (const subscription of this._subscriptions) subscription.begin();
    this._dispatch({ type: "open", role });
  }

  /** @param {string} id @param {{code: string, message: string, detail?: any} | null} error @param {any} result */
  _answer(id, error, result) {
    const waiting = this._requests.get(id);
    this._requests.delete(id);
    if (error) waiting?.reject(new StreamtagsError(error.message, error.code, error.detail));
    else waiting?.resolve(result ?? null);
  }
}

/** One thing followed. Made by `StreamtagsClient.subscribe`. */
export class Subscription {
  /** @param {StreamtagsClient} client @param {string} timeline @param {SubscribeOptions} options @param {Listener} listener */
  constructor(client, timeline, options, listener) {
    this.timeline = timeline;
    this.options = options;
    /** The folded state of each timeline followed, by id. @type {Map<string, TimelineState>} */
    this.states = new Map();
    this._client = client;
    this._listener = listener;
    this._id = "";
    this._gaps = 0;
    /** The last event known of each timeline. @type {Map<string, {epoch: string | null, seq: number}>} */
    this._positions = new Map();
    /** @type {Object<string, number>} */
    this._told = {};
    /** @type {{epoch: string | null, seq: number} | null} */
    this._start = options.after === undefined ? null : { epoch: options.epoch ?? null, seq: options.after };
  }

  /** The state of the timeline; of `*`, see `states`. */
  get state() {
    return this.states.get(this.timeline) ?? emptyState();
  }

  /** End it. */
  unsubscribe() {
    this._client._subscriptions.delete(this);
    this._leave();
  }

  /** Under a name never used before, so that what is still under way for an old one is known by it, and ignored. */
  begin() {
    if (!this._client._up) return;
    this._id = this._client._nextId();
    this._client._byId.set(this._id, this);
    const held = this.timeline === "*" ? null : this._position(this.timeline);
    this._client._send({
      type: "subscribe", id: this._id, timeline: this.timeline, after: held?.seq, epoch: held?.epoch ?? undefined, filter: this.options.filter,
    });
  }

  /** @param {any} message */
  subscribed(message) {
    this.timeline = message.timeline;
    const held = this._position(message.timeline);
    if (message.recovered || !held || held.epoch !== null || held.seq !== 0) return;
    // The whole log of whichever epoch was asked for: now that the epoch is known, it can be.
    this._start = { epoch: message.epoch, seq: 0 };
    this._restart();
  }

  /** @param {TimelineEvent | Snapshot} item */
  offer(item) {
    const verdict = this._judge(item);
    if (verdict === "gap") this._again();
    if (verdict !== "new") return;
    this._gaps = 0;
    this._positions.set(item.timeline, { epoch: item.epoch, seq: item.seq });
    this._listener(item, this._fold(item));
  }

  /** Begin anew where an earlier heartbeat told of events that have still not come. @param {Object<string, number>} seqs */
  compare(seqs) {
    const told = this._told;
    this._told = { ...seqs };
    if (this.options.filter) return;
    if (Object.entries(told).some(([timeline, seq]) => seq > (this._positions.get(timeline)?.seq ?? seq))) this._again();
  }

  /** @param {string} timeline */
  removed(timeline) {
    this.states.delete(timeline);
    this._positions.delete(timeline);
    if (timeline === this.timeline) this.unsubscribe();
    this.options.onRemoved?.(timeline);
  }

  /** @param {StreamtagsError} error */
  fail(error) {
    this.unsubscribe();
    this.options.onError?.(error);
  }

  /** @param {string} timeline */
  _position(timeline) {
    return this._positions.get(timeline) ?? this._start;
  }

  /** @param {TimelineEvent | Snapshot} item @returns {"new" | "old" | "gap"} */
  _judge(item) {
    const held = this._position(item.timeline);
    const sameLog = held !== null && held.epoch === item.epoch;
    if ("state" in item) return sameLog && item.seq <= held.seq ? "old" : "new";
    const whole = !this.options.filter;
    if (!held || !(sameLog || held.epoch === null)) return item.seq === 1 || (!held && !whole) ? "new" : "gap";
    if (item.seq <= held.seq) return "old";
    return whole && item.seq !== held.seq + 1 ? "gap" : "new";
  }

  /** @param {TimelineEvent | Snapshot} item @returns {TimelineState} */
  _fold(item) {
    if ("state" in item) {
      this.states.set(item.timeline, item.state);
      return item.state;
    }
    let state = this.states.get(item.timeline) ?? emptyState();
    if (item.seq === 1) state = emptyState();
    if (item.seq === state.seq + 1) {
      state = fold(state, item);
      this.states.set(item.timeline, state);
    }
    return state;
  }

  /** Something is missing: subscribe anew, after the last event that came. */
  _again() {
    this._gaps += 1;
    if (this._gaps > GAPS_IN_A_ROW) this.fail(new StreamtagsError("the server leaves out events again and again", "gap"));
    else this._restart();
  }

  _restart() {
    this._leave();
    this.begin();
  }

  _leave() {
    if (this._client._byId.delete(this._id)) this._client._send({ type: "unsubscribe", id: this._id });
  }
}

/** The WebSocket address that the server's address, as a person gives it, stands for. @param {string} url @returns {string} */
export function streamUrl(url) {
  const match = /^(?:(ws|http)(s?):\/\/)?((?:\[[0-9a-f:.]+\]|[^/?#@:\s]+)(?::\d+)?)(\/[^?#]*)?$/i.exec(url.trim());
  if (!match) throw new StreamtagsError(`${url} is not the address of a server; for example ws://127.0.0.1:8710`, "usage");
  const path = (match[4] ?? "").replace(/\/+$/, "");
  return `ws${(match[2] ?? "").toLowerCase()}://${match[3]}${path.endsWith(PATH) ? path : path + PATH}`;
}
