/** The timeline on its canvas: what of it is in view, ruler and playhead, and the hand that moves them. Only what is visible is drawn. */

import { byId, el, oncePerFrame } from "./dom.js";
import { segmentAt } from "./model.js";
import { clockOf, timecode } from "./timecode.js";
import { Thumbnails } from "./thumbnails.js";
import { EMPTY_LANE, HEADER, RULER, Tracks } from "./tracks.js";

/** @typedef {import("./model.js").Model} Model */

const SHORTEST = 0.4; // seconds across the whole width

export class TimelineView extends Tracks {
  /** @param {{seek: (seconds: number) => void}} options */
  constructor({ seek }) {
    super();
    this._seek = seek;
    this._scroller = byId("timeline");
    this._base = byId("timeline-base");
    this._over = byId("timeline-over");
    this._spacer = byId("timeline-spacer");
    this._bar = byId("overview");
    this._window = byId("overview-window");
    this._tip = byId("tip");
    this._fitted = true;
    this._time = 0;
    this._content = 0;
    /** @type {import("./tracks.js").Row[]} */
    this._rows = [];
    this._paint = oncePerFrame(() => this._draw());
    this._paintOver = oncePerFrame(() => this._drawOver());
    new ResizeObserver(() => this._resize()).observe(this._scroller);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolor());
    this._scroller.addEventListener("scroll", this._paint);
    this._listen();
    this.recolor();
  }

  /** @param {string} base address of the timeline's thumbnails */
  open(base) {
    this._thumbnails = new Thumbnails(base, this._paint);
    this._fitted = true;
    this._scroller.scrollTop = 0;
  }

  /** Show nothing: what comes is not here yet. */
  clear() {
    this._model = null;
    this._draw();
  }

  /** @param {Model} model */
  show(model) {
    this._model = model;
    this._clock = clockOf(model.state.source?.video);
    this._rows = this._layRows(model);
    const last = this._rows[this._rows.length - 1];
    this._content = last.top + last.height;
    this._spacer.style.height = `${Math.max(0, this._content - this._height)}px`;
    if (this._fitted) this.fit();
    else this._clamp();
  }

  /** Where the playhead stands. @param {number} seconds @param {boolean} follow keep it in view */
  place(seconds, follow) {
    this._time = seconds;
    if (follow && (seconds < this.start || seconds > this.start + this.span)) {
      this.pan(seconds - this.span * 0.1 - this.start);
    }
    this._paintOver();
  }

  /** Show all of it, and what comes. */
  fit() {
    this._fitted = true;
    this.start = 0;
    this.span = Math.max(SHORTEST, (this._model?.duration ?? 10) * 1.005);
    this._clamp();
  }

  /** @param {number} factor below 1 shows less @param {number} [around] seconds that stay where they are */
  zoom(factor, around = this._time) {
    const whole = Math.max(SHORTEST, (this._model?.duration ?? 10) * 1.005);
    const span = Math.min(whole, Math.max(SHORTEST, this.span * factor));
    const inside = around >= this.start && around <= this.start + this.span;
    const share = inside ? (around - this.start) / this.span : 0.5;
    this.start = around - share * span;
    this.span = span;
    this._fitted = span === whole;
    this._clamp();
  }

  /** @param {number} seconds */
  pan(seconds) {
    this.start += seconds;
    this._clamp();
  }

  /** Take the colors from the style sheet anew. */
  recolor() {
    const style = getComputedStyle(document.documentElement);
    for (const name of ["track", "track-alt", "head", "line", "text", "muted", "faint", "accent", "playhead", "ruler", "clip", "scene", "curve-0", "curve-1", "curve-2", "bad",
      "lane-0", "lane-1", "lane-2", "lane-3", "lane-4", "lane-5", "lane-6", "lane-7", "lane-8"]) {
      this._colors[name] = style.getPropertyValue(`--${name}`).trim();
    }
    this._paint();
  }

  _clamp() {
    const whole = Math.max(SHORTEST, (this._model?.duration ?? 10) * 1.005);
    this.span = Math.min(this.span, whole);
    this.start = Math.min(Math.max(0, this.start), whole - this.span);
    this._paint();
    this._markWindow();
  }

  /** Show in the bar below which part is in view. */
  _markWindow() {
    const whole = Math.max(SHORTEST, (this._model?.duration ?? 10) * 1.005);
    const bar = Math.max(0, this._width - HEADER);
    const width = `${Math.round(Math.max(14, (this.span / whole) * bar))}px`;
    if (this._window.style.width !== width) this._window.style.width = width;
    this._window.style.transform = `translateX(${Math.min((this.start / whole) * bar, bar - 14)}px)`; // moved without a new layout
  }

  _resize() {
    const { clientWidth, clientHeight } = this._scroller;
    this._width = clientWidth;
    this._height = clientHeight;
    const ratio = devicePixelRatio || 1;
    for (const canvas of [this._base, this._over]) {
      canvas.width = Math.round(clientWidth * ratio);
      canvas.height = Math.round(clientHeight * ratio);
      canvas.style.width = `${clientWidth}px`;
      canvas.style.height = `${clientHeight}px`;
    }
    if (this._model) this._spacer.style.height = `${Math.max(0, this._content - clientHeight)}px`;
    this._markWindow();
    this._draw();
  }

  // Drawing

  _draw() {
    this._drawBase();
    this._drawOver();
  }

  /** @param {HTMLCanvasElement} canvas @returns {CanvasRenderingContext2D} */
  _context(canvas) {
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const ratio = devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this._width, this._height);
    context.font = '11px "Inter", "Segoe UI", system-ui, sans-serif';
    context.textBaseline = "middle";
    return context;
  }

  _drawBase() {
    const context = this._context(this._base);
    this._c = context;
    const { track, head, line, text } = this._colors;
    context.fillStyle = track;
    context.fillRect(0, 0, this._width, this._height);
    const model = this._model;
    if (!model || this._width <= HEADER) return;
    this._look(model);
    const scrolled = this._scroller.scrollTop;
    context.save();
    context.beginPath();
    context.rect(0, RULER, this._width, this._height - RULER);
    context.clip();
    this._rows.forEach((held, index) => {
      const row = { ...held, top: held.top - scrolled };
      if (row.top + row.height < RULER || row.top > this._height) return;
      if (index % 2) {
        context.fillStyle = this._colors["track-alt"];
        context.fillRect(HEADER, row.top, this._width - HEADER, row.height);
      }
      context.save();
      context.beginPath();
      context.rect(HEADER, row.top, this._width - HEADER, row.height);
      context.clip();
      held.draw(row);
      context.restore();
      context.fillStyle = head;
      context.fillRect(0, row.top, HEADER, row.height);
      context.fillStyle = line;
      context.fillRect(0, row.top + row.height - 1, this._width, 1);
      context.fillStyle = row.height === EMPTY_LANE ? this._colors.muted : text;
      context.fillText(row.name, 22, row.top + row.height / 2, HEADER - 26);
      const lane = model.lanes.findIndex((one) => one.name === row.name);
      if (lane >= 0) {
        context.fillStyle = this._colors[`lane-${lane % 9}`];
        context.fillRect(8, row.top + row.height / 2 - 4, 8, 8);
      }
    });
    context.fillStyle = line;
    context.fillRect(HEADER - 1, RULER, 1, this._height - RULER);
    context.restore();
    this._drawRuler(context);
  }

  /** @param {CanvasRenderingContext2D} context */
  _drawRuler(context) {
    const { ruler, head, line, muted, faint } = this._colors;
    context.fillStyle = ruler;
    context.fillRect(HEADER, 0, this._width - HEADER, RULER);
    context.fillStyle = head;
    context.fillRect(0, 0, HEADER, RULER);
    const perPixel = this.span / (this._width - HEADER);
    const frame = 1 / this._clock.rate;
    const steps = [frame, frame * 2, frame * 5, frame * 10, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 36000];
    const step = steps.find((one) => one / perPixel >= 96) ?? 86400;
    const minor = step / (step < 1 ? Math.max(1, Math.round(step / frame)) : 5);
    context.fillStyle = faint;
    for (let n = Math.floor(this.start / minor); n * minor <= this.start + this.span; n += 1) {
      const x = Math.round(this._x(n * minor));
      if (x >= HEADER) context.fillRect(x, RULER - 5, 1, 5);
    }
    context.font = '10px "SF Mono", "Consolas", "DejaVu Sans Mono", monospace';
    for (let n = Math.floor(this.start / step); n * step <= this.start + this.span; n += 1) {
      const x = Math.round(this._x(n * step));
      if (x < HEADER) continue;
      context.fillStyle = muted;
      context.fillRect(x, RULER - 10, 1, 10);
      context.fillText(timecode(this._clock, n * step + 1e-6), x + 4, RULER / 2 - 1);
    }
    context.fillStyle = line;
    context.fillRect(0, RULER - 1, this._width, 1);
    context.font = '11px "Inter", "Segoe UI", system-ui, sans-serif';
  }

  _drawOver() {
    if (!this._width) return;
    const context = this._context(this._over);
    const model = this._model;
    if (!model) return;
    const at = segmentAt(model, this._time);
    context.save();
    context.beginPath();
    context.rect(HEADER, 0, this._width - HEADER, this._height);
    context.clip();
    if (at >= 0) {
      const x = this._x(model.starts[at]);
      context.fillStyle = this._colors.accent;
      context.globalAlpha = 0.1;
      context.fillRect(x, RULER, this._x(model.ends[at]) - x, this._height - RULER);
      context.globalAlpha = 0.55;
      context.fillRect(x, RULER - 3, this._x(model.ends[at]) - x, 3);
      context.globalAlpha = 1;
    }
    const x = Math.round(this._x(this._time));
    context.fillStyle = this._colors.playhead;
    context.fillRect(x, 12, 1, this._height);
    context.beginPath();
    context.moveTo(x - 6, 3);
    context.lineTo(x + 7, 3);
    context.lineTo(x + 7, 10);
    context.lineTo(x + 0.5, 17);
    context.lineTo(x - 6, 10);
    context.fill();
    context.restore();
    context.font = '11px "SF Mono", "Consolas", "DejaVu Sans Mono", monospace';
    context.fillStyle = this._colors.accent;
    context.fillText(timecode(this._clock, this._time), 10, RULER / 2);
  }

  // Hands

  _listen() {
    const canvas = this._over;
    /** @type {{x: number, start: number, moved: boolean, scrubs: boolean} | null} */
    let held = null;
    canvas.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
      if (event.offsetX < HEADER || event.button > 1) return;
      const scrubs = event.button === 0 && event.offsetY < RULER;
      held = { x: event.clientX, start: this.start, moved: false, scrubs };
      canvas.setPointerCapture(event.pointerId);
      if (scrubs) this._seek(this._seconds(event.offsetX));
    });
    canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      this._hover(event, held !== null);
      if (!held) return;
      held.moved ||= Math.abs(event.clientX - held.x) > 3;
      if (held.scrubs) this._seek(this._seconds(event.offsetX));
      else if (held.moved) {
        this.start = held.start - ((event.clientX - held.x) / (this._width - HEADER)) * this.span;
        canvas.classList.add("panning");
        this._clamp();
      }
    });
    canvas.addEventListener("pointerup", (/** @type {PointerEvent} */ event) => {
      if (held && !held.moved && !held.scrubs && event.button === 0) this._seek(this._seconds(event.offsetX));
      held = null;
      canvas.classList.remove("panning");
    });
    canvas.addEventListener("pointerleave", () => { this._tip.hidden = true; });
    canvas.addEventListener("wheel", (/** @type {WheelEvent} */ event) => {
      if (event.offsetX < HEADER) return; // over the heads the wheel scrolls the tracks
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 20 : 1;
      const across = event.shiftKey && !event.deltaX ? event.deltaY : event.deltaX;
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.pan(((across * lines) / (this._width - HEADER)) * this.span);
      else this.zoom(Math.exp(event.deltaY * lines * 0.0022), this._seconds(event.offsetX));
    }, { passive: false });
    this._bar.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
      this._bar.setPointerCapture(event.pointerId);
      this._overview(event);
    });
    this._bar.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      if (this._bar.hasPointerCapture(event.pointerId)) this._overview(event);
    });
  }

  /** @param {PointerEvent} event */
  _overview(event) {
    const box = this._bar.getBoundingClientRect();
    this.start = ((event.clientX - box.left) / box.width) * (this._model?.duration ?? 0) - this.span / 2;
    this._clamp();
  }

  /** @param {PointerEvent} event @param {boolean} busy */
  _hover(event, busy) {
    const model = this._model;
    const at = model && !busy && event.offsetX >= HEADER ? segmentAt(model, this._seconds(event.offsetX)) : -1;
    const y = event.offsetY + this._scroller.scrollTop;
    const row = event.offsetY > RULER ? this._rows.find((one) => y >= one.top && y < one.top + one.height) : undefined;
    const said = at >= 0 && row?.at ? row.at(at) : "";
    this._tip.hidden = !said;
    if (!said) return;
    this._tip.replaceChildren(el("b", { text: `${at + 1}  ${row?.name}` }), el("span", { text: said }));
    this._tip.style.left = `${Math.min(event.clientX + 14, innerWidth - 340)}px`;
    this._tip.style.top = `${Math.min(event.clientY + 16, innerHeight - 70)}px`;
  }
}
