/** One subscription: a cursor on the log of a timeline, or of all timelines, with the folded states. */

import { StreamtagsError } from "./errors.js";
import { emptyState, fold } from "./fold.js";

/** @typedef {import("./fold.js").TimelineEvent} TimelineEvent */
/** @typedef {import("./fold.js").Snapshot} Snapshot */
/** @typedef {import("./fold.js").TimelineState} TimelineState */
/** @typedef {{types?: string[], tags?: string[], min_confidence?: number}} Filter */
/** @typedef {(item: TimelineEvent | Snapshot, state: TimelineState) => void} Listener */

/**
 * @typedef {object} SubscribeOptions
 * @property {number} [after] the last event that is known already; 0 for the whole log
 * @property {string} [epoch] the log in which `after` counts
 * @property {Filter} [filter] which events to receive; no state is folded then
 * @property {(error: StreamtagsError) => void} [onError] called when the subscription has ended with an error
 * @property {(timeline: string) => void} [onRemoved] called when a timeline was removed
 */

const MAX_GAPS_IN_A_ROW = 5;

/** A subscription, made by `StreamtagsClient.subscribe`. */
export class Subscription {
  /**
   * @param {import("./client.js").StreamtagsClient} client @param {string} timeline
   * @param {SubscribeOptions} options @param {Listener} listener
   */
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
    /** The seqs of the last heartbeat. @type {Object<string, number>} */
    this._heartbeat = {};
    /** @type {{epoch: string | null, seq: number} | null} */
    this._start = options.after === undefined ? null : { epoch: options.epoch ?? null, seq: options.after };
  }

  /** The state of the timeline; for `*`, see `states`. */
  get state() {
    return this.states.get(this.timeline) ?? emptyState();
  }

  /** End the subscription. */
  unsubscribe() {
    this._client._subscriptions.delete(this);
    this._leave();
  }

  /** Subscribe under a new id, so that messages still under way for an earlier id are recognized and ignored. */
  begin() {
    if (!this._client._isOpen) return;
    this._id = this._client._nextId();
    this._client._byId.set(this._id, this);
    const position = this.timeline === "*" ? null : this._position(this.timeline);
    this._client._send({
      type: "subscribe",
      id: this._id,
      timeline: this.timeline,
      after: position?.seq,
      epoch: position?.epoch ?? undefined,
      filter: this.options.filter,
    });
  }

  /** @param {any} message */
  subscribed(message) {
    this.timeline = message.timeline;
    const position = this._position(message.timeline);
    if (message.recovered || !position || position.epoch !== null || position.seq !== 0) return;
    // The whole log was requested without its epoch: now that the epoch is known, it can be read from the start.
    this._start = { epoch: message.epoch, seq: 0 };
    this._restart();
  }

  /** @param {TimelineEvent | Snapshot} item */
  offer(item) {
    const verdict = this._judge(item);
    if (verdict === "gap") this._recover();
    if (verdict !== "new") return;
    this._gaps = 0;
    this._positions.set(item.timeline, { epoch: item.epoch, seq: item.seq });
    this._listener(item, this._fold(item));
  }

  /**
   * Subscribe again if an earlier heartbeat announced events that have still not arrived.
   *
   * @param {Object<string, number>} seqs
   */
  compare(seqs) {
    const announced = Object.entries(this._heartbeat);
    this._heartbeat = { ...seqs };
    if (this.options.filter) return;
    if (announced.some(([timeline, seq]) => seq > (this._positions.get(timeline)?.seq ?? seq))) this._recover();
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
    const position = this._position(item.timeline);
    const isSameLog = position !== null && position.epoch === item.epoch;
    if ("state" in item) return isSameLog && item.seq <= position.seq ? "old" : "new";
    const isWhole = !this.options.filter;
    if (!position || !(isSameLog || position.epoch === null)) {
      return item.seq === 1 || (!position && !isWhole) ? "new" : "gap";
    }
    if (item.seq <= position.seq) return "old";
    return isWhole && item.seq !== position.seq + 1 ? "gap" : "new";
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

  /** An event is missing: subscribe again after the last event that arrived. */
  _recover() {
    this._gaps += 1;
    if (this._gaps > MAX_GAPS_IN_A_ROW) {
      this.fail(new StreamtagsError("the server leaves out events repeatedly", "gap"));
    } else {
      this._restart();
    }
  }

  _restart() {
    this._leave();
    this.begin();
  }

  _leave() {
    if (this._client._byId.delete(this._id)) this._client._send({ type: "unsubscribe", id: this._id });
  }
}
