/** One timeline, opened: what the server tells of it goes to the views, and what a person does goes to the server. */

import { Details } from "./details.js";
import { byId, el, oncePerFrame } from "./dom.js";
import { isOnAir, isRunning, isStream, remarks, standing } from "./live.js";
import { layOut, OTHER, segmentAt, vocabularyOf } from "./model.js";
import { Player } from "./player.js";
import { SegmentList } from "./segments.js";
import { removeTimeline } from "./server.js";
import { clockOf, timecode } from "./timecode.js";
import { TimelineView } from "./timeline.js";

const PLAY = "M4 2.5v11l9-5.5z";
const PAUSE = "M4 3h3v10H4zM9 3h3v10H9z";

export class Editor {
  /** @param {import("./streamtags.js").StreamtagsClient} client @param {(what: string, good?: boolean) => void} tell */
  constructor(client, tell) {
    this.client = client;
    this.id = "";
    this._tell = tell;
    /** @type {readonly import("./model.js").Vocabulary[]} */
    this.vocabularies = [];
    /** @type {import("./streamtags.js").Subscription | null} */
    this._subscription = null;
    /** @type {import("./streamtags.js").TimelineState | null} */
    this._state = null;
    /** @type {import("./model.js").Model | null} */
    this.model = null;
    this._filter = { text: "", axis: "", confidence: 0 };
    this._mediaOf = "";
    this._at = -1;
    /** Where a live source stood when it was last shown; the playhead that stands there goes along. */
    this._edge = 0;
    /** Whose tags the inputs offer. @type {import("./model.js").Vocabulary | null} */
    this._named = null;
    this.player = new Player(oncePerFrame(() => this._moved()));
    this.timeline = new TimelineView({ seek: (seconds) => this.player.seek(seconds) });
    this.list = new SegmentList((seconds) => this.player.seek(seconds));
    this.details = new Details({ correct: (segment, change) => this._correct(segment, change), colorOf: (tag) => this._colorOf(tag) });
    byId("still").addEventListener("error", () => { byId("still").hidden = true; });
    byId("inspector").addEventListener("stale", () => this._moved());
    this._layOut = oncePerFrame(() => this._show());
    this._listen();
  }

  /** @param {string} id "" closes what is open */
  open(id) {
    if (id === this.id && this._subscription) return;
    this.close();
    this.id = id;
    byId("stage").dataset.open = String(Boolean(id));
    byId("now").hidden = byId("actions").hidden = !id;
    if (!id) return;
    byId("title").textContent = "Loading";
    byId("counts").textContent = byId("state").textContent = byId("matching").textContent = "";
    byId("state").dataset.state = "";
    byId("cancel").hidden = byId("progress").hidden = true;
    this.list.clear();
    this.timeline.open(this._address());
    this.details.clear();
    this._subscription = this.client.subscribe(id, {
      onError: (error) => this._tell(error.message),
      onRemoved: () => { this._tell("This timeline was removed."); location.hash = ""; },
    }, (_, state) => {
      this._state = state;
      this._layOut();
    });
  }

  close() {
    this._subscription?.unsubscribe();
    this._subscription = null;
    this._state = this.model = null;
    this._mediaOf = "";
    this._at = -1;
    this._edge = 0;
    this.player.unload();
    this.timeline.clear();
    byId("still").hidden = true;
    byId("remove").close(); // it asked about this one
  }

  /** Draw anew: the vocabularies or the role have become known. */
  refresh() {
    this.details.forget();
    this._layOut();
  }

  /** @param {-1 | 1} way */
  cut(way) {
    const model = this.model;
    if (!model) return;
    const at = segmentAt(model, this.player.time + 0.002);
    const inside = this.player.time - (model.starts[at] ?? 0) > 0.3;
    const next = way > 0 ? at + 1 : inside ? at : at - 1;
    if (next < model.starts.length) this.player.seek(model.starts[Math.max(0, next)]);
  }

  /** @param {number} seconds @param {number} frames */
  step(seconds, frames) {
    this.player.stop();
    const { rate } = clockOf(this._state?.source?.video);
    // From the frame's own beginning, so that rounding never makes two steps of one.
    const now = frames ? Math.floor(this.player.time * rate + 0.02) / rate : this.player.time;
    this.player.seek(now + seconds + frames / rate);
  }

  /** @param {boolean} on */
  toggleList(on = byId("list").hidden) {
    byId("list").hidden = !on;
    byId("timeline").hidden = byId("overview").hidden = on;
    byId("list-toggle").setAttribute("aria-pressed", String(on));
    if (this.model && on) this.list.show(this.model);
  }

  get _editor() { return this.client.role === "editor"; }

  _address() {
    return `v1/timelines/${encodeURIComponent(this.id)}`;
  }

  _show() {
    const state = this._state;
    if (!state) return;
    this._offerTags();
    this.model = layOut(state, this.vocabularies, this._filter);
    const { source, progress } = state;
    byId("title").textContent = source?.name ?? this.id;
    document.title = `${source?.name ?? this.id} - streamtags`;
    const { name, text } = standing(state);
    byId("state").textContent = text;
    byId("state").dataset.state = name;
    const onAir = isOnAir(state);
    byId("cancel").hidden = !isRunning(state);
    byId("cancel").textContent = onAir ? "Stop recording" : "Cancel analysis";
    byId("progress").hidden = !isRunning(state) || onAir;
    byId("progress").value = progress?.duration_seconds ? progress.decoded_seconds / progress.duration_seconds : 0;
    const failed = state.segments.filter((segment) => segment.status === "failed").length;
    byId("counts").textContent = [
      `${state.segments.length.toLocaleString("en")} segments`, state.profile, vocabularyOf(state, this.vocabularies)?.id ?? state.vocabulary?.id,
      failed ? `${failed} failed` : "", ...remarks(state), state.error?.message,
    ].filter(Boolean).join("  ·  ");
    byId("duration").textContent = timecode({ ...clockOf(source?.video), first: 0 }, this.model.duration);
    byId("matching").textContent = this.model.filtered ? `${this.model.matching.toLocaleString("en")} of ${state.segments.length.toLocaleString("en")}` : "";
    this.player.duration = this.model.duration;
    if (source && this._mediaOf !== state.epoch) {
      this._mediaOf = state.epoch;
      if (isStream(source)) this.player.without("A live source leaves no film behind: its thumbnails are shown.");
      else this.player.load(`${this._address()}/media`);
    }
    this.timeline.show(this.model);
    if (!byId("list").hidden) this.list.show(this.model);
    this._at = -1;
    if (onAir) this._goAlong(this.model.duration);
    this._moved();
  }

  /** Keep a playhead that stands at the end of a live source there, unless told not to. @param {number} end */
  _goAlong(end) {
    if (!this.player.playing && byId("follow").checked && this.player.time >= this._edge - 0.1) {
      this.player.seek(end);
      this.timeline.place(this.player.time, true);
    }
    this._edge = end;
  }

  _moved() {
    const model = this.model;
    if (!model) return;
    const { time, playing } = this.player;
    const clock = clockOf(model.state.source?.video);
    const code = timecode(clock, time);
    byId("timecode").textContent = code;
    byId("play-icon").setAttribute("d", playing ? PAUSE : PLAY);
    byId("play").setAttribute("aria-label", playing ? "Pause" : "Play");
    this.timeline.place(time, playing && byId("follow").checked);
    const at = segmentAt(model, time + 0.001);
    const segment = model.segments[at];
    if (segment) this.details.show(segment, model, this._editor);
    if (at === this._at && playing) return;
    const slider = byId("timeline");
    slider.setAttribute("aria-valuemax", model.duration.toFixed(2));
    slider.setAttribute("aria-valuenow", time.toFixed(2));
    slider.setAttribute("aria-valuetext", segment ? `${code}, segment ${at + 1} of ${model.segments.length}. ${segment.caption ?? ""}` : code);
    if (at === this._at) return;
    this._at = at;
    this.list.mark(at);
    this._still(segment);
  }

  /** Where the film cannot be shown, its thumbnail is. @param {import("./streamtags.js").SegmentState | undefined} segment */
  _still(segment) {
    const still = byId("still");
    still.hidden = this.player.hasMedia || !segment?.thumbnail;
    if (!still.hidden && segment) still.src = `${this._address()}/thumbnails/${encodeURIComponent(segment.segment)}.jpg`;
  }

  /** @param {string} tag */
  _colorOf(tag) {
    const axes = this.model ? vocabularyOf(this.model.state, this.vocabularies) : null;
    const axis = axes?.tags.find((one) => one.name === tag)?.axis;
    const lane = this.model?.lanes.findIndex((one) => one.name === (axis ?? OTHER)) ?? 0;
    return `var(--lane-${Math.max(0, lane) % 9})`;
  }

  /** Offer the tags and axes of the vocabulary in use; an axis it does not have is chosen no more. */
  _offerTags() {
    const vocabulary = this._state ? vocabularyOf(this._state, this.vocabularies) : null;
    if (this._named === vocabulary) return;
    this._named = vocabulary;
    byId("tag-names").replaceChildren(...(vocabulary?.tags ?? []).map((tag) => el("option", { value: tag.name })));
    const axes = vocabulary ? [...vocabulary.axes, OTHER] : [];
    const chosen = axes.includes(this._filter.axis) ? this._filter.axis : "";
    byId("axis").replaceChildren(el("option", { value: "", text: "All axes" }), ...axes.map((axis) => el("option", { value: axis, text: axis })));
    byId("axis").value = this._filter.axis = chosen;
  }

  /** @param {string} method @param {Object<string, any>} params @returns {Promise<any>} */
  async _ask(method, params) {
    try {
      return await this.client.request(method, { id: this.id, ...params });
    } catch (error) {
      this._tell(/** @type {Error} */ (error).message);
      return null;
    }
  }

  /** @param {string} segment @param {import("./details.js").Change} change */
  async _correct(segment, change) {
    await this._ask("segments.correct", { segment, ...change });
  }

  async _retag() {
    const [file] = byId("vocabulary-file").files;
    const tags = file ? `${await file.text()}\n` : byId("vocabulary").value;
    const answer = await this._ask("timelines.retag", { tags });
    if (!answer) return;
    byId("retag").close();
    byId("vocabulary-file").value = "";
    this._tell(`Tagging again under ${answer.vocabulary.id}.`, true);
  }

  _askToRemove() {
    byId("remove-name").textContent = byId("title").textContent;
    byId("remove-error").textContent = "";
    byId("remove").showModal();
  }

  /** Have the open timeline deleted; that it is gone is heard like anybody else's removal. */
  async _remove() {
    try {
      await removeTimeline(this.id);
      byId("remove").close();
    } catch (error) {
      byId("remove-error").textContent = /** @type {Error} */ (error).message;
    }
  }

  _listen() {
    const on = (/** @type {string} */ id, /** @type {string} */ type, /** @type {() => void} */ act) => byId(id).addEventListener(type, act);
    on("play", "click", () => this.player.toggle());
    on("previous", "click", () => this.cut(-1));
    on("next", "click", () => this.cut(1));
    on("back", "click", () => this.step(0, -1));
    on("forward", "click", () => this.step(0, 1));
    on("mute", "click", () => this.mute());
    on("zoom-in", "click", () => this.timeline.zoom(0.6));
    on("zoom-out", "click", () => this.timeline.zoom(1 / 0.6));
    on("zoom-fit", "click", () => this.timeline.fit());
    on("list-toggle", "click", () => this.toggleList());
    on("filter", "input", () => { this._filter.text = byId("filter").value; this._layOut(); });
    on("axis", "change", () => { this._filter.axis = byId("axis").value; this._layOut(); });
    on("confidence", "input", () => {
      this._filter.confidence = Number(byId("confidence").value);
      byId("confidence-value").textContent = this._filter.confidence.toFixed(2);
      this._layOut();
    });
    on("cancel", "click", () => this._ask("timelines.cancel", {}));
    on("retag-open", "click", () => {
      const held = this._state ? vocabularyOf(this._state, this.vocabularies) : null;
      byId("vocabulary").replaceChildren(...this.vocabularies.map((one) => (
        el("option", { value: one.name, text: `${one.id} ${one.version}, ${one.tags.length} tags`, selected: one === held })
      )));
      byId("retag").showModal();
    });
    on("retag-go", "click", () => this._retag());
    on("retag-close", "click", () => byId("retag").close());
    on("remove-open", "click", () => this._askToRemove());
    on("remove-go", "click", () => this._remove());
    on("remove-close", "click", () => byId("remove").close());
    on("export", "change", () => {
      const format = byId("export").value;
      byId("export").value = "";
      if (format) this._download(format);
    });
  }

  mute() {
    const { video } = this.player;
    video.muted = !video.muted;
    byId("mute").setAttribute("aria-pressed", String(video.muted));
  }

  /** @param {string} format */
  async _download(format) {
    const answer = await fetch(`${this._address()}/export?format=${format}`);
    if (!answer.ok) {
      this._tell((await answer.json().catch(() => ({}))).detail ?? `The export failed (${answer.status}).`);
      return;
    }
    const name = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition") ?? "")?.[1] ?? `${this.id}.${format}`;
    const link = el("a", { href: URL.createObjectURL(await answer.blob()), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }
}
