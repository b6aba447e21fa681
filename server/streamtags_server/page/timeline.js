/** The timeline on its canvases: rows, ruler and playhead. Only what is visible is painted. */

import { byId, el, oncePerFrame } from "./dom.js";
import { Filmstrip } from "./filmstrip.js";
import { listenForGestures } from "./gestures.js";
import { segmentAt } from "./model.js";
import { Painter } from "./painter.js";
import { layRows } from "./rows.js";
import { Thumbnails } from "./thumbnails.js";
import { clockOf } from "./timecode.js";
import { HEADER, RULER, Viewport } from "./viewport.js";
import { Waveforms } from "./waveforms.js";

/** @typedef {import("./model.js").Model} Model */

const MIN_WINDOW = 14; // pixels of the mark in the overview bar

export class TimelineView {
  /** @param {{seek: (seconds: number) => void}} options */
  constructor({ seek }) {
    this.viewport = new Viewport();
    this._painter = new Painter(this.viewport);
    this._thumbnails = new Thumbnails("", () => {});
    this._waveforms = new Waveforms("", () => {});
    this.film = new Filmstrip(() => this._paint());
    this._scroller = byId("timeline");
    this._canvases = { base: byId("timeline-base"), over: byId("timeline-over") };
    this._window = byId("overview-window");
    this._tip = byId("tip");
    this._time = 0;
    /** @type {{in: number | null, out: number | null}} */
    this._range = { in: null, out: null };
    /** @type {import("./rows.js").Row[]} */
    this._rows = [];
    this._paint = oncePerFrame(() => this._paintAll());
    this._paintOver = oncePerFrame(() => this._paintPlayhead());
    new ResizeObserver(() => this._resize()).observe(this._scroller);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this._painter.readColors();
      this._paint();
    });
    this._scroller.addEventListener("scroll", this._paint);
    listenForGestures(this, seek);
  }

  /** @param {string} base address of the timeline's thumbnails */
  open(base) {
    this._thumbnails = new Thumbnails(base, this._paint);
    this._waveforms.close();
    this._waveforms = new Waveforms(base, () => this._layRows());
    this.film.open("");
    this.viewport.isFitted = true;
    this._scroller.scrollTop = 0;
  }

  /** Load again what a lost connection left out. */
  retry() {
    this._thumbnails.retry();
  }

  /** Show nothing, until the next state. */
  clear() {
    this._painter.model = null;
    this._paint();
  }

  /** @param {Model} model */
  show(model) {
    this._painter.model = model;
    this._painter.clock = clockOf(model.state.source?.video);
    this.viewport.duration = model.duration;
    this._waveforms.update(model);
    this._layRows();
    if (this.viewport.isFitted) this.fit();
    else this.moved();
  }

  /** Show a marked range. @param {{in: number | null, out: number | null}} range seconds */
  markRange(range) {
    this._range = range;
    this._paintOver();
  }

  _layRows() {
    const { model } = this._painter;
    if (!model) return;
    const { _thumbnails: thumbnails, _waveforms: waveforms, film } = this;
    this._rows = layRows(model, this._painter, { thumbnails, waveforms, film });
    this._setScrollHeight();
    this._paint();
  }

  /** Move the playhead. @param {number} seconds @param {boolean} follow keep it in view */
  place(seconds, follow) {
    this._time = seconds;
    if (follow && !this.viewport.contains(seconds)) this.pan(seconds - this.viewport.span * 0.1 - this.viewport.start);
    this._paintOver();
  }

  /** Show all of it, also when it grows. */
  fit() {
    this.viewport.fit();
    this.moved();
  }

  /** @param {number} factor below 1 shows less @param {number} [around] seconds that stay where they are */
  zoom(factor, around = this._time) {
    this.viewport.zoom(factor, around);
    this.moved();
  }

  /** @param {number} seconds */
  pan(seconds) {
    this.viewport.start += seconds;
    this.moved();
  }

  /** Paint after the viewport has changed. */
  moved() {
    this.viewport.clamp();
    this._paint();
    this._markWindow();
  }

  /** Show in the bar below which part is in view. */
  _markWindow() {
    const { start, span, whole, room } = this.viewport;
    const width = `${Math.round(Math.max(MIN_WINDOW, (span / whole) * room))}px`;
    if (this._window.style.width !== width) this._window.style.width = width;
    const x = Math.min((start / whole) * room, room - MIN_WINDOW);
    this._window.style.transform = `translateX(${x}px)`; // a transform needs no new layout
  }

  _setScrollHeight() {
    const last = this._rows[this._rows.length - 1];
    const content = last ? last.top + last.height : 0;
    byId("timeline-spacer").style.height = `${Math.max(0, content - this.viewport.height)}px`;
  }

  _resize() {
    const { clientWidth, clientHeight } = this._scroller;
    this.viewport.width = clientWidth;
    this.viewport.height = clientHeight;
    const ratio = devicePixelRatio || 1;
    for (const canvas of Object.values(this._canvases)) {
      canvas.width = Math.round(clientWidth * ratio);
      canvas.height = Math.round(clientHeight * ratio);
      canvas.style.width = `${clientWidth}px`;
      canvas.style.height = `${clientHeight}px`;
    }
    this._setScrollHeight();
    this._markWindow();
    this._paintAll();
  }

  _paintAll() {
    this._painter.paintRows(this._painter.clear(this._canvases.base), this._rows, this._scroller.scrollTop);
    this._paintPlayhead();
  }

  _paintPlayhead() {
    if (!this.viewport.width) return;
    this._painter.paintPlayhead(this._painter.clear(this._canvases.over), this._time, this._range);
  }

  /** Show what the row under the pointer says. @param {PointerEvent | null} event null hides it */
  showTip(event) {
    const text = event ? this._textAt(event) : null;
    this._tip.hidden = !text;
    if (!text || !event) return;
    this._tip.replaceChildren(el("b", { text: text.head }), el("span", { text: text.body }));
    this._tip.style.left = `${Math.min(event.clientX + 14, innerWidth - 340)}px`;
    this._tip.style.top = `${Math.min(event.clientY + 16, innerHeight - 70)}px`;
  }

  /** @param {PointerEvent} event @returns {{head: string, body: string} | null} */
  _textAt(event) {
    const { model } = this._painter;
    if (!model || event.offsetX < HEADER || event.offsetY <= RULER) return null;
    const at = segmentAt(model, this.viewport.seconds(event.offsetX));
    const y = event.offsetY + this._scroller.scrollTop;
    const row = this._rows.find((one) => y >= one.top && y < one.top + one.height);
    const body = at >= 0 && row?.textAt ? row.textAt(at) : "";
    return body ? { head: `${model.segments[at].segment}  ${row?.name}`, body } : null;
  }
}
