/** The open timeline: events from the server go to the views, and what a person does goes to the server. */

import { AddressBar } from "./address.js";
import { copyText } from "./clipboard.js";
import { Corrections } from "./corrections.js";
import { CuesPanel } from "./cues_panel.js";
import { Details } from "./details.js";
import { byId, on, oncePerFrame } from "./dom.js";
import { FilterBar } from "./filter_bar.js";
import { showHeader, showLoading } from "./header.js";
import { Info } from "./info.js";
import { SegmentList } from "./list.js";
import { hasPicture, isOnAir, isRunning, isStream } from "./live.js";
import { Marks } from "./marks.js";
import { layOut, nextListed, nextMatch, OTHER, segmentAt, vocabularyOf } from "./model.js";
import { Player } from "./player.js";
import { Scenes } from "./scenes.js";
import { SelectionBar } from "./selection.js";
import { SideTabs } from "./side_tabs.js";
import { Spoken } from "./spoken.js";
import { thumbnailUrl } from "./thumbnails.js";
import { clockOf, timecode } from "./timecode.js";
import { TimelineView } from "./timeline.js";
import { allowDialogs, closeDialogs, listenForDialogs } from "./timeline_dialogs.js";

/** @typedef {import("./streamtags.js").SegmentState} SegmentState */

const PLAY = "M4 2.5v11l9-5.5z";
const PAUSE = "M4 3h3v10H4zM9 3h3v10H9z";
const ZOOM = 0.6;
const INSIDE_SECONDS = 0.3; // later in a segment, "previous cut" goes to its own start

export class Editor {
  /**
   * @param {import("./streamtags.js").StreamtagsClient} client
   * @param {(text: string, isGood?: boolean) => void} notify
   * @param {(id: string) => import("./live.js").Listed} listed what the list says of a timeline
   */
  constructor(client, notify, listed) {
    this.client = client;
    this.id = "";
    this._listed = listed;
    this.info = new Info();
    /** @type {readonly import("./model.js").Vocabulary[]} */
    this.vocabularies = [];
    /** Resolves when the server has described its vocabularies. @type {Promise<void>} */
    this._described = new Promise((resolve) => (this._resolveDescribed = resolve));
    /** @type {import("./model.js").Model | null} */
    this.model = null;
    this._notify = notify;
    /** @type {import("./streamtags.js").Subscription | null} */
    this._subscription = null;
    /** What is shown: the log whose film is loaded, the segment, and the end of a live source. */
    this._shown = { epoch: "", at: -1, end: 0 };
    this._addressBar = new AddressBar();
    /** The segment to go to as soon as it is known. */
    this._wanted = "";
    this.player = new Player(oncePerFrame(() => this.follow()));
    const seek = (/** @type {number} */ seconds) => this.player.seek(seconds);
    this.timeline = new TimelineView({ seek });
    this.bar = new FilterBar({ changed: () => this._layOut(), next: (way) => this.goToMatch(way) });
    this.corrections = new Corrections(this._request.bind(this), notify, () => this.id);
    const tagNames = () => this._described.then(() => this.vocabulary?.tags.map((tag) => tag.name) ?? []);
    const colorOf = (/** @type {string} */ tag) => this._colorOf(tag);
    this.scenes = new Scenes(this.corrections, () => this.cues.scenesChanged());
    this.details = new Details(this.corrections, {
      tagNames,
      colorOf,
      info: () => this.info,
      scenes: this.scenes,
      leave: () => this.focus(),
    });
    this.side = new SideTabs();
    this.cues = new CuesPanel(this.player, this.corrections, {
      request: (method, params) => this.client.request(method, { id: this.id, ...params }),
      notify,
      isEditor: () => this._isEditor,
    });
    this.spoken = new Spoken((seconds) => seek(seconds - (this.model?.origin ?? 0)));
    this.list = new SegmentList({ seek, selected: () => this.selection?.show() });
    const segments = () => this._selectedSegments();
    const leave = () => this.focus();
    this.selection = new SelectionBar(this.corrections, {
      tagNames,
      segments,
      clear: () => this.list.select([]),
      leave,
    });
    this.marks = new Marks(() => {
      this.timeline.markRange(this.marks.range);
      this.list.select(this.model ? this.marks.segmentsIn(this.model) : []);
    });
    this._layOut = oncePerFrame(() => this._show());
    this._listen();
  }

  /** @param {string} id "" closes the open timeline */
  open(id) {
    if (id === this.id && this._subscription) {
      this.focus();
      return;
    }
    this.close();
    this.id = id;
    this._wanted = "";
    byId("stage").dataset.open = String(Boolean(id));
    byId("now").hidden = byId("actions").hidden = !id;
    if (!id) return;
    showLoading();
    this.list.clear();
    this.timeline.open(this.address);
    this.details.clear();
    this._subscription = this.client.subscribe(
      id,
      {
        onError: (error) => this._notify(error.message),
        onRemoved: () => {
          this._notify("This timeline was removed.");
          location.hash = "";
        },
      },
      () => this._layOut(),
    );
    this.focus();
  }

  /** Give the keys to the timeline. */
  focus() {
    if (byId("list").hidden) byId("timeline").focus({ preventScroll: true });
    else this.list.focus();
  }

  close() {
    this._subscription?.unsubscribe();
    this.corrections.clear();
    this.marks.clear();
    this.cues.clear();
    this._subscription = null;
    this.model = null;
    this._shown = { epoch: "", at: -1, end: 0 };
    this.player.unload();
    this.timeline.clear();
    byId("still").hidden = true;
    closeDialogs();
    allowDialogs(this);
  }

  /**
   * The server has described itself.
   *
   * @param {Info} info @param {readonly import("./model.js").Vocabulary[]} vocabularies
   */
  describe(info, vocabularies) {
    this.info = info;
    this.vocabularies = vocabularies;
    this._resolveDescribed?.();
    this.refresh();
  }

  /** Draw again: the connection is there, or the server has described itself. */
  refresh() {
    this.details.forget();
    this.timeline.retry();
    this.cues.refresh();
    this._layOut();
  }

  /** The list of timelines says something else than before: it names a source that is waited for. */
  listChanged() {
    if (this.model && !this.model.state.source) this._layOut();
  }

  /** Seek to the next or previous cut. @param {-1 | 1} way */
  cut(way) {
    const { model } = this;
    if (!model) return;
    const at = segmentAt(model, this.player.time + 0.002);
    const isInside = this.player.time - (model.starts[at] ?? 0) > INSIDE_SECONDS;
    const previous = isInside ? at : at - 1;
    const isListed = model.filtered && !byId("list").hidden; // only its rows can be seen
    const next = isListed ? nextListed(model, at, way) : way > 0 ? at + 1 : previous;
    if (next < model.starts.length) this.player.seek(model.starts[Math.max(0, next)]);
  }

  /** Seek to the next or previous segment that the filter passes. @param {-1 | 1} way */
  goToMatch(way) {
    this._show(); // of a filter that was typed just now, too
    const { model } = this;
    if (!model) return;
    const at = nextMatch(model, segmentAt(model, this.player.time + 0.002), way);
    if (at < 0) return;
    this.player.seek(model.starts[at]);
    this.timeline.place(this.player.time, true);
  }

  /** Seek to a segment, now or when it is known. @param {string} name */
  goToSegment(name) {
    this._wanted = name;
    this._goToWanted();
  }

  _goToWanted() {
    const { model } = this;
    const at = this._wanted && model ? model.segments.findIndex((segment) => segment.segment === this._wanted) : -1;
    if (!model || !this._wanted) return;
    if (at < 0) {
      if (isRunning(model.state)) return; // it may still come
      this._notify(`This timeline has no segment ${this._wanted}.`);
      this._wanted = "";
      return;
    }
    this._wanted = "";
    this.player.seek(model.starts[at]);
    this.timeline.place(this.player.time, true);
  }

  /** @param {number} seconds @param {number} frames */
  step(seconds, frames) {
    this.player.stop();
    const { rate } = clockOf(this.model?.state.source?.video);
    // Step from the start of the frame, so that rounding never turns two steps into one.
    const now = frames ? Math.floor(this.player.time * rate + 0.02) / rate : this.player.time;
    this.player.seek(now + seconds + frames / rate);
  }

  toggleList() {
    const isOn = byId("list").hidden;
    byId("list").hidden = !isOn;
    byId("timeline").hidden = byId("overview").hidden = isOn;
    byId("list-toggle").setAttribute("aria-pressed", String(isOn));
    if (this.model && isOn) this.list.show(this.model);
    if (!isOn) this.list.select([]);
    this.focus();
  }

  /** Mark the playhead as the beginning or the end of a range. @param {"in" | "out"} edge */
  mark(edge) {
    this.marks.set(edge, this.player.time, clockOf(this.model?.state.source?.video));
  }

  /** Go to the field for a tag: that of the selected segments, else that of the one under the playhead. */
  startTag() {
    if (this.selection.startTag()) return;
    this.side.show("segment");
    this.details.startTag();
  }

  /** Open the caption of the segment under the playhead for editing. */
  editCaption() {
    this.side.show("segment");
    this.details.edit();
  }

  /** Let a scene begin with the segment under the playhead, or no longer. */
  editScene() {
    const segment = this.model?.segments[segmentAt(this.model, this.player.time + 0.001)];
    if (this.model && segment && this._isEditor) this.scenes.toggle(this.model.state, segment);
  }

  copyTimecode() {
    return copyText(timecode(clockOf(this.model?.state.source?.video), this.player.time), this._notify);
  }

  /** The name of the open timeline, also before its source is known. */
  get name() {
    return this.model?.state.source?.name ?? (this._listed(this.id).name || this.id);
  }

  /** The vocabulary in use, null if it is not known. */
  get vocabulary() {
    return this.model ? vocabularyOf(this.model.state, this.vocabularies) : null;
  }

  get _isEditor() {
    return this.client.role === "editor";
  }

  /** The address of the open timeline, without the server. */
  get address() {
    return `v1/timelines/${encodeURIComponent(this.id)}`;
  }

  _selectedSegments() {
    return this.model?.segments.filter((segment) => this.list.selection.has(segment.segment)) ?? [];
  }

  _show() {
    const state = this._subscription?.state;
    if (!state || !state.id) return;
    this.bar.offer(vocabularyOf(state, this.vocabularies));
    const model = layOut(state, this.vocabularies, this.bar.filter, this.info);
    this.model = model;
    allowDialogs(this);
    showHeader(model, this._listed(this.id), this.vocabularies);
    this.bar.showCount(model);
    this.player.duration = model.duration;
    if (state.source && this._shown.epoch !== state.epoch) {
      this._shown.epoch = state.epoch;
      if (isStream(state.source)) this.player.loadNothing("A live source leaves no film; its thumbnails are shown.");
      else this.player.load(`${this.address}/media`, hasPicture(state.source));
    }
    this.timeline.show(model);
    this.cues.show(model);
    if (!byId("list").hidden) this.list.show(model);
    this.selection.show();
    this._shown.at = -1;
    if (this._wanted) this._goToWanted();
    if (isOnAir(state)) this._followLive(model.duration);
    this.follow();
  }

  /** Keep a playhead that is at the end of a live source at its end, if "Follow" is on. @param {number} end */
  _followLive(end) {
    if (!this.player.isPlaying && byId("follow").checked && this.player.time >= this._shown.end - 0.1) {
      this.player.seek(end);
      this.timeline.place(this.player.time, true);
    }
    this._shown.end = end;
  }

  /** Show where the playhead is: with the next frame, or before a key that is for the segment it has reached. */
  follow() {
    const { model } = this;
    if (!model) return;
    const { time, isPlaying, hasMedia } = this.player;
    this.timeline.film.pause(isPlaying);
    if (hasMedia && this.player.hasPicture) this.timeline.film.open(`${this.address}/media`);
    const code = timecode(clockOf(model.state.source?.video), time);
    byId("timecode").textContent = code;
    byId("play-icon").setAttribute("d", isPlaying ? PAUSE : PLAY);
    byId("play").setAttribute("aria-label", isPlaying ? "Pause" : "Play");
    this.timeline.place(time, isPlaying && byId("follow").checked);
    const at = segmentAt(model, time + 0.001);
    const segment = model.segments[at];
    if (segment) this.details.show(segment, model, this._isEditor);
    this.spoken.show(segment ?? null, time + model.origin);
    this.cues.place(time + model.origin);
    if (at === this._shown.at && isPlaying) return;
    const slider = byId("timeline");
    const about = segment ? `, segment ${at + 1} of ${model.segments.length}. ${segment.caption ?? ""}` : "";
    slider.setAttribute("aria-valuemax", model.duration.toFixed(2));
    slider.setAttribute("aria-valuenow", time.toFixed(2));
    slider.setAttribute("aria-valuetext", code + about);
    if (at === this._shown.at) return;
    this._shown.at = at;
    this.list.mark(at);
    if (segment && !isPlaying && !this._wanted) this._addressBar.show(this.id, segment.segment);
    this._showStill(segment);
  }

  /** Show the thumbnail if the film cannot be shown. @param {SegmentState | undefined} segment */
  _showStill(segment) {
    const still = byId("still");
    still.hidden = this.player.hasMedia || !segment?.thumbnail;
    if (!still.hidden && segment) still.src = thumbnailUrl(this.address, segment.segment);
  }

  /** The color of the tag's axis, as in the timeline. @param {string} tag */
  _colorOf(tag) {
    const axis = this.vocabulary?.tags.find((one) => one.name === tag)?.axis ?? OTHER;
    const lane = this.model?.lanes.findIndex((one) => one.name === axis) ?? 0;
    return `var(--lane-${Math.max(0, lane) % 9})`;
  }

  /**
   * @param {string} method
   * @param {Object<string, any>} params
   * @returns {Promise<any>} null after an error, which is shown
   */
  async _request(method, params) {
    try {
      return await this.client.request(method, { id: this.id, ...params });
    } catch (error) {
      this._notify(/** @type {Error} */ (error).message);
      return null;
    }
  }

  _listen() {
    on("still", "error", () => {
      byId("still").hidden = true;
    });
    on("inspector", "stale", () => this.follow());
    on("play", "click", () => this.player.toggle());
    on("previous", "click", () => this.cut(-1));
    on("next", "click", () => this.cut(1));
    on("back", "click", () => this.step(0, -1));
    on("forward", "click", () => this.step(0, 1));
    on("mute", "click", () => this.player.toggleMute());
    on("zoom-in", "click", () => this.timeline.zoom(ZOOM));
    on("zoom-out", "click", () => this.timeline.zoom(1 / ZOOM));
    on("zoom-fit", "click", () => this.timeline.fit());
    on("list-toggle", "click", () => this.toggleList());
    on("cancel", "click", () => this._request("timelines.cancel", {}));
    on("timecode", "click", () => this.copyTimecode());
    listenForDialogs(this, this._notify);
  }
}
