/**
 * The segments as a table, for reading and for screen readers; only the rows in view exist. Rows can be selected for
 * bulk changes.
 */

import { arrange, byId, el, oncePerFrame } from "./dom.js";

/** @typedef {import("./model.js").Model} Model */

const ROW = 28; // pixels
const SPARE_ROWS = 12;
const COLUMNS = ["Segment", "Start", "Length", "Status", "Caption", "Tags"];

export class SegmentList {
  /** @param {{seek: (seconds: number) => void, selected: (segments: string[]) => void}} options */
  constructor({ seek, selected }) {
    this._box = byId("list");
    this._seek = seek;
    this._selected = selected;
    /** @type {Model | null} */
    this._model = null;
    /** Positions of the segments that the filter passes. @type {number[]} */
    this._rows = [];
    this._current = -1;
    /** @type {Set<string>} */
    this.selection = new Set();
    this._anchor = -1;
    this._body = el("tbody");
    /** The rows that exist, by the positions of their segments. @type {Map<number, HTMLElement>} */
    this._existing = new Map();
    this._spacers = { above: spacer(), below: spacer() };
    const names = ["n", "tc", "s", "st", "", ""];
    this._table = el(
      "table",
      { role: "grid", "aria-label": "Segments", "aria-multiselectable": "true" },
      el("colgroup", {}, ...names.map((name) => el("col", { class: name }))),
      el("thead", {}, el("tr", {}, ...COLUMNS.map((text) => el("th", { scope: "col", text })))),
      this._body,
    );
    this._box.replaceChildren(this._table);
    this._paint = oncePerFrame(() => this._draw());
    this._box.addEventListener("scroll", this._paint);
    this._box.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this._key(event));
    new ResizeObserver(this._paint).observe(this._box);
  }

  clear() {
    this._model = null;
    this._rows = [];
    this._current = -1;
    this.select([]);
    this._existing.clear();
    this._body.replaceChildren();
  }

  /** @param {Model} model */
  show(model) {
    this._model = model;
    this._rows = [];
    for (let at = 0; at < model.segments.length; at += 1) if (model.matches[at]) this._rows.push(at);
    this._table.setAttribute("aria-rowcount", String(this._rows.length + 1));
    this._paint();
  }

  /** Give the keys to the list, which has just been shown or is used already. */
  focus() {
    if (this._box.contains(document.activeElement)) return;
    this._draw();
    this._box.focus({ preventScroll: true });
    this._scrollToCurrent();
    this._draw();
  }

  /** @param {number} at position of the segment under the playhead */
  mark(at) {
    if (at === this._current) return;
    this._current = at;
    this._scrollToCurrent();
    this._paint();
  }

  _scrollToCurrent() {
    const row = this._rows.indexOf(this._current);
    if (row < 0 || this._box.hidden) return;
    const top = row * ROW;
    const { scrollTop, clientHeight } = this._box;
    const isVisible = top >= scrollTop && top + ROW * 3 <= scrollTop + clientHeight;
    if (!isVisible) this._box.scrollTop = Math.max(0, top - clientHeight / 3);
  }

  /** @param {string[]} segments */
  select(segments) {
    this.selection = new Set(segments);
    this._selected(segments);
    this._paint();
  }

  _draw() {
    const model = this._model;
    if (!model || this._box.hidden) return;
    const first = Math.max(0, Math.floor(this._box.scrollTop / ROW) - SPARE_ROWS);
    const last = Math.min(this._rows.length, first + Math.ceil(this._box.clientHeight / ROW) + 2 * SPARE_ROWS);
    const hadFocus = this._box.contains(document.activeElement);
    const shown = this._rows.slice(first, last);
    const rows = shown.map((at, offset) => this._row(model, at, first + offset + 2));
    const wanted = new Set(shown);
    for (const at of this._existing.keys()) if (!wanted.has(at)) this._existing.delete(at);
    setSpace(this._spacers.above, first);
    setSpace(this._spacers.below, this._rows.length - last);
    arrange(this._body, [this._spacers.above, ...rows, this._spacers.below]);
    const current = /** @type {HTMLElement | null} */ (this._body.querySelector('[aria-current="true"]'));
    if (hadFocus) (current ?? this._box).focus({ preventScroll: true });
  }

  /**
   * The row of a segment, which stays the same while events change what it says: a click on it is not lost.
   *
   * @param {Model} model @param {number} at @param {number} number
   */
  _row(model, at, number) {
    const segment = model.segments[at];
    const isCurrent = at === this._current;
    const texts = [
      segment.segment,
      segment.start.timecode,
      `${(model.ends[at] - model.starts[at]).toFixed(2)} s`,
      segment.status,
      segment.caption ?? "",
      segment.tags.map((score) => `${score.tag} ${score.confidence.toFixed(2)}`).join(", "),
    ];
    let row = this._existing.get(at);
    if (!row) {
      const cells = COLUMNS.map(() => el("td", { role: "gridcell" }));
      row = el("tr", { on: { click: (/** @type {MouseEvent} */ event) => this._click(at, event) } }, ...cells);
      this._existing.set(at, row);
    }
    const cells = /** @type {HTMLCollectionOf<HTMLElement>} */ (row.children);
    texts.forEach((text, column) => {
      if (cells[column].title !== text) cells[column].title = cells[column].textContent = text;
    });
    const isSelected = this.selection.has(segment.segment) || (isCurrent && this.selection.size === 0);
    row.setAttribute("aria-rowindex", String(number));
    row.setAttribute("aria-selected", String(isSelected));
    row.setAttribute("aria-current", String(isCurrent));
    row.tabIndex = isCurrent ? 0 : -1;
    return row;
  }

  /**
   * A click seeks; with Ctrl it selects one more, with Shift all from the last click.
   *
   * @param {number} at
   * @param {MouseEvent} event
   */
  _click(at, event) {
    const model = /** @type {Model} */ (this._model);
    const name = model.segments[at].segment;
    if (event.shiftKey && this._anchor >= 0) {
      this._selectTo(model, at);
      getSelection()?.removeAllRanges();
      return;
    }
    this._anchor = at;
    if (event.ctrlKey || event.metaKey) {
      const next = new Set(this.selection);
      if (!next.delete(name)) next.add(name);
      this.select([...next]);
      return;
    }
    if (this.selection.size) this.select([]);
    this._seek(model.starts[at]);
  }

  /** Select the rows from the last click to `at`. @param {Model} model @param {number} at */
  _selectTo(model, at) {
    const [from, to] = [Math.min(this._anchor, at), Math.max(this._anchor, at)];
    this.select(this._rows.filter((one) => one >= from && one <= to).map((one) => model.segments[one].segment));
  }

  /** Move the playhead to the next row, and select up to it. @param {-1 | 1} way */
  _extend(way) {
    const model = /** @type {Model} */ (this._model);
    const row = this._rows.indexOf(this._current);
    const next = this._rows[row + way];
    if (row < 0 || next === undefined) return;
    if (this.selection.size === 0 || this._anchor < 0) this._anchor = this._current;
    this._selectTo(model, next);
    this.mark(next);
    this._seek(model.starts[next]);
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    const { segments } = this._model ?? {};
    const way = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (segments && way && event.shiftKey) {
      event.preventDefault();
      event.stopPropagation();
      this._extend(/** @type {-1 | 1} */ (way));
    } else if (segments && event.key.toLowerCase() === "a" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.select(this._rows.map((at) => segments[at].segment));
    } else if (event.key === "Escape" && this.selection.size) {
      event.stopPropagation();
      this.select([]);
    }
  }
}

/** A row that takes the space of rows that do not exist. */
function spacer() {
  const cell = el("td", { colSpan: COLUMNS.length });
  cell.style.padding = "0";
  cell.style.border = "0";
  return el("tr", { "aria-hidden": "true" }, cell);
}

/** @param {HTMLElement} row a spacer @param {number} rows */
function setSpace(row, rows) {
  /** @type {HTMLElement} */ (row.firstElementChild).style.height = `${rows * ROW}px`;
  row.hidden = rows === 0;
}
