/** The segments as a table, for reading and for screen readers; only the rows in view exist. */

import { byId, el, oncePerFrame } from "./dom.js";

const ROW = 28;
const SPARE = 12;

export class SegmentList {
  /** @param {(seconds: number) => void} seek */
  constructor(seek) {
    this._box = byId("list");
    this._seek = seek;
    /** @type {import("./model.js").Model | null} */
    this._model = null;
    /** @type {number[]} */
    this._rows = [];
    this._current = -1;
    this._body = el("tbody");
    this._table = el("table", { role: "grid", "aria-label": "Segments" },
      el("colgroup", {}, el("col", { class: "n" }), el("col", { class: "tc" }), el("col", { class: "s" }), el("col", { class: "st" }), el("col"), el("col")),
      el("thead", {}, el("tr", {}, ...["No.", "Start", "Length", "Status", "Caption", "Tags"].map((name) => el("th", { scope: "col", text: name })))),
      this._body);
    this._box.replaceChildren(this._table);
    this._paint = oncePerFrame(() => this._draw());
    this._box.addEventListener("scroll", this._paint);
    new ResizeObserver(this._paint).observe(this._box);
  }

  clear() {
    this._model = null;
    this._rows = [];
    this._current = -1;
    this._body.replaceChildren();
  }

  /** @param {import("./model.js").Model} model */
  show(model) {
    this._model = model;
    this._rows = [];
    for (let at = 0; at < model.segments.length; at += 1) if (model.matches[at]) this._rows.push(at);
    this._table.setAttribute("aria-rowcount", String(this._rows.length + 1));
    this._paint();
  }

  /** @param {number} at the segment under the playhead */
  mark(at) {
    if (at === this._current) return;
    this._current = at;
    const row = this._rows.indexOf(at);
    if (row >= 0 && !this._box.hidden) {
      const top = row * ROW;
      if (top < this._box.scrollTop || top + ROW * 3 > this._box.scrollTop + this._box.clientHeight) this._box.scrollTop = Math.max(0, top - this._box.clientHeight / 3);
    }
    this._paint();
  }

  _draw() {
    const model = this._model;
    if (!model || this._box.hidden) return;
    const first = Math.max(0, Math.floor(this._box.scrollTop / ROW) - SPARE);
    const last = Math.min(this._rows.length, first + Math.ceil(this._box.clientHeight / ROW) + 2 * SPARE);
    const focused = this._body.contains(document.activeElement);
    const rows = this._rows.slice(first, last).map((at, offset) => this._row(model, at, first + offset + 2));
    this._body.replaceChildren(gap(first), ...rows, gap(this._rows.length - last));
    if (focused) /** @type {any} */ (this._body.querySelector('[aria-selected="true"]'))?.focus({ preventScroll: true });
  }

  /** @param {import("./model.js").Model} model @param {number} at @param {number} number */
  _row(model, at, number) {
    const segment = model.segments[at];
    const current = at === this._current;
    const cells = [
      String(segment.index + 1), segment.start.timecode, `${(model.ends[at] - model.starts[at]).toFixed(2)} s`, segment.status,
      segment.caption ?? "", segment.tags.map((score) => `${score.tag} ${score.confidence.toFixed(2)}`).join(", "),
    ];
    return el("tr", {
      "aria-rowindex": number, "aria-selected": current, tabIndex: current ? 0 : -1, on: { click: () => this._seek(model.starts[at]) },
    }, ...cells.map((text) => el("td", { text, title: text, role: "gridcell" })));
  }
}

/** Room for rows that are not there. @param {number} rows */
function gap(rows) {
  const cell = el("td", { colSpan: 6 });
  cell.style.height = `${rows * ROW}px`;
  cell.style.padding = "0";
  cell.style.border = "0";
  const row = el("tr", { "aria-hidden": "true" }, cell);
  row.hidden = rows === 0;
  return row;
}
