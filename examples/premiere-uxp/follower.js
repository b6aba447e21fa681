/** Keeps the markers of the active sequence equal to a timeline on a server; the panel shows what it reports. */

import { StreamtagsClient } from "../../clients/javascript/streamtags.js";
import { HostBusy } from "./host.js";
import { wantedMarkers } from "./markers.js";
import { Memory } from "./memory.js";

/** @typedef {import("./host.js").Host} Host */
/** @typedef {import("./markers.js").Filter} Filter */
/** @typedef {import("../../clients/javascript/streamtags.js").TimelineState} TimelineState */
/** @typedef {import("../../clients/javascript/streamtags.js").Subscription} Subscription */

/**
 * @typedef {object} FollowerOptions
 * @property {import("./memory.js").Storage} storage
 * @property {(text: string) => void} onStatus
 * @property {(state: TimelineState, axisOf: Map<string, string>) => void} onState
 * @property {string} [token]
 * @property {any} [WebSocket]
 * @property {{first: number, most: number}} [backoff]
 * @property {number} [settleMs] how long to gather events for one update
 * @property {number} [tickMs] how often to send a heartbeat, and to look for another sequence and for what was put off
 */

/** One connection to a server, and the timeline that is followed. */
export class Follower {
  /** @param {string} url @param {Host} host @param {FollowerOptions} options */
  constructor(url, host, options) {
    this._host = host;
    this._options = options;
    /** @type {Filter} */
    this.filter = { axis: "", minConfidence: 0, offsetFrames: 0 };
    this.writes = true;
    /** @type {Map<string, string>} */
    this._axisOf = new Map();
    /** @type {Subscription | null} */
    this._subscription = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this._timer = undefined;
    this._isUpdating = false;
    this._isDue = false;
    this._sequence = "";
    const { token, WebSocket, backoff, onStatus } = options;
    this.client = new StreamtagsClient(url, { client: "Premiere panel", token, WebSocket, backoff });
    this.client.addEventListener("open", () => onStatus("connected"));
    this.client.addEventListener("close", ({ retrySeconds }) =>
      onStatus(`reconnecting in ${retrySeconds.toFixed(0)} s`),
    );
    this.client.addEventListener("error", ({ error }) => onStatus(error.message));
    this._ticking = setInterval(() => this._tick(), options.tickMs ?? 2000);
  }

  /** The timelines of the server, the one opened last first. @returns {Promise<{id: string, name: string}[]>} */
  async timelines() {
    const { timelines } = await this.client.request("timelines.list");
    return timelines;
  }

  /** The axis of each tag of the vocabulary. */
  get axisOf() {
    return this._axisOf;
  }

  /** The state that was last received; null before the first. @returns {TimelineState | null} */
  get state() {
    return this._subscription?.state ?? null;
  }

  /** @param {string} timeline */
  choose(timeline) {
    this._subscription?.unsubscribe();
    this._axisOf = new Map();
    const { onStatus } = this._options;
    let vocabulary = "";
    this._subscription = this.client.subscribe(
      timeline,
      { onError: (error) => onStatus(error.message), onRemoved: () => onStatus("the timeline was removed") },
      (_, state) => {
        const name = `${state.vocabulary?.id} ${state.vocabulary?.version}`;
        if (name !== vocabulary) this._readAxes((vocabulary = name)).catch((error) => onStatus(error.message));
        this._options.onState(state, this._axisOf);
        this.schedule();
      },
    );
  }

  /** @param {string} wanted id and version */
  async _readAxes(wanted) {
    const { vocabularies } = await this.client.request("vocabularies.list");
    const match = vocabularies.find((/** @type {any} */ one) => `${one.id} ${one.version}` === wanted);
    this._axisOf = new Map(match?.tags.map((/** @type {any} */ tag) => [tag.name, tag.axis]));
    if (this.state) this._options.onState(this.state, this._axisOf);
    this.schedule();
  }

  /** Update soon: events come in bursts, and one update serves a burst. */
  schedule() {
    this._isDue = true;
    this._timer ??= setTimeout(() => {
      this._timer = undefined;
      this._update().catch((error) => this._options.onStatus(String(error)));
    }, this._options.settleMs ?? 200);
  }

  async _update() {
    const state = this.state;
    if (this._isUpdating || !this._isDue || !state?.id || !this.writes) return;
    this._isUpdating = true;
    try {
      const target = await this._host.target();
      if (!target) {
        this._options.onStatus("no sequence is open");
        return;
      }
      this._isDue = false;
      this._sequence = target.id;
      const memory = new Memory(this._options.storage, target.id, `${state.id} ${state.epoch}`);
      const wanted = wantedMarkers(state, target.ticksPerFrame, this.filter, this._axisOf);
      const { added, changed, removed, kept } = this._host.update(target, state.id, wanted, memory);
      const counts = `${added} added, ${changed} changed, ${removed} removed, ${kept} unchanged`;
      this._options.onStatus(`${target.name}: ${counts}`);
    } catch (error) {
      this._isDue = true; // at the next tick
      this._options.onStatus(error instanceof HostBusy ? `waiting: ${error.message}` : String(error));
    } finally {
      this._isUpdating = false;
    }
  }

  /**
   * While Premiere shows a dialog it takes no markers, but timers go on: the ping keeps the server and proxies from
   * closing a connection that looks dead.
   */
  _tick() {
    this.client.ping();
    if (!this._subscription || this._isUpdating) return;
    this._host.target().then(
      (target) => {
        if (target && target.id !== this._sequence) this._isDue = true;
        if (this._isDue) this.schedule();
      },
      () => undefined, // a dialog is open
    );
  }

  /** Move the playhead to a segment. @param {string} segment */
  async jump(segment) {
    const target = await this._host.target();
    if (!target || !this.state) return;
    const wanted = wantedMarkers(
      this.state,
      target.ticksPerFrame,
      { ...this.filter, axis: "", minConfidence: 0 },
      this._axisOf,
    );
    const one = wanted.find(({ key }) => key === `${this.state?.id} ${segment}`);
    if (one) await this._host.jump(target, one.start);
  }

  /** Stop for good. */
  close() {
    clearInterval(this._ticking);
    clearTimeout(this._timer);
    this.client.close();
  }
}
