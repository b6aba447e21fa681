/** In and out: a range of the timeline, whose segments are selected. */

import { byId } from "./dom.js";
import { segmentAt } from "./model.js";
import { lengthText, timecode } from "./timecode.js";

/** @typedef {import("./model.js").Model} Model */

export class Marks {
  /** @param {() => void} changed */
  constructor(changed) {
    /** Seconds from the first frame; null if not set. @type {{in: number | null, out: number | null}} */
    this.range = { in: null, out: null };
    this._changed = changed;
  }

  /** @param {"in" | "out"} edge @param {number} seconds @param {import("./timecode.js").Clock} clock */
  set(edge, seconds, clock) {
    const other = this.range[edge === "in" ? "out" : "in"];
    const fits = other === null || (edge === "in" ? seconds < other : seconds > other);
    this.range = { in: null, out: null, ...(fits && this.range), [edge]: seconds };
    const { in: from, out: to } = this.range;
    const texts = [from === null ? "" : `in ${timecode(clock, from)}`, to === null ? "" : `out ${timecode(clock, to)}`];
    const length = from !== null && to !== null ? lengthText(to - from) : "";
    byId("marks").textContent = [...texts, length].filter(Boolean).join("  ");
    this._changed();
  }

  clear() {
    if (this.range.in === null && this.range.out === null) return;
    this.range = { in: null, out: null };
    byId("marks").textContent = "";
    this._changed();
  }

  /** Ids of the segments that lie in the range, in part at least; none without both marks. @param {Model} model */
  segmentsIn(model) {
    const { in: from, out: to } = this.range;
    if (from === null || to === null) return [];
    const first = Math.max(0, segmentAt(model, from + 0.002));
    return model.segments.slice(first, segmentAt(model, to - 0.002) + 1).map((segment) => segment.segment);
  }
}
