/** The filter above the tracks: words, axis, confidence, what is heard, and how many segments pass. */

import { byId, el, on } from "./dom.js";
import { OTHER } from "./model.js";

/** @typedef {import("./model.js").Vocabulary} Vocabulary */

export class FilterBar {
  /** @param {{changed: () => void, next: (way: 1 | -1) => void}} options */
  constructor({ changed, next }) {
    /** @type {import("./filter.js").Filter} */
    this.filter = { text: "", axis: "", confidence: 0, heard: "" };
    /** The vocabulary whose tags are offered. @type {Vocabulary | null} */
    this._offered = null;
    on("filter", "input", () => this._set({ text: byId("filter").value }, changed));
    on("axis", "change", () => this._set({ axis: byId("axis").value }, changed));
    on("heard", "change", () => this._set({ heard: byId("heard").value }, changed));
    on("confidence", "input", () => this._set({ confidence: Number(byId("confidence").value) }, changed));
    on("filter", "keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Enter") next(event.shiftKey ? -1 : 1);
    });
  }

  /** @param {Partial<import("./filter.js").Filter>} change @param {() => void} changed */
  _set(change, changed) {
    Object.assign(this.filter, change);
    byId("confidence-value").textContent = this.filter.confidence.toFixed(2);
    changed();
  }

  /**
   * Offer the tags and axes of the vocabulary in use; an axis it does not have is deselected.
   *
   * @param {Vocabulary | null} vocabulary
   */
  offer(vocabulary) {
    if (this._offered === vocabulary) return;
    this._offered = vocabulary;
    const tags = vocabulary?.tags ?? [];
    byId("tag-names").replaceChildren(...tags.map(({ name }) => el("option", { value: name })));
    const axes = vocabulary ? [...vocabulary.axes, OTHER] : [];
    const options = axes.map((axis) => el("option", { value: axis, text: axis }));
    byId("axis").replaceChildren(el("option", { value: "", text: "All axes" }), ...options);
    this.filter.axis = axes.includes(this.filter.axis) ? this.filter.axis : "";
    byId("axis").value = this.filter.axis;
  }

  /** @param {import("./model.js").Model} model */
  showCount({ filtered, matching, segments }) {
    const [some, all] = [matching, segments.length].map((count) => count.toLocaleString("en"));
    byId("matching").textContent = filtered ? `${some} of ${all}` : "";
  }
}
