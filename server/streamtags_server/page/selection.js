/** The bar for the segments selected in the list: add or remove a tag for all of them. */

import { byId, counted, el } from "./dom.js";
import { TagInput } from "./tag_input.js";

/** @typedef {import("./streamtags.js").SegmentState} SegmentState */

export class SelectionBar {
  /**
   * @param {import("./corrections.js").Corrections} corrections
   * @param {object} context
   * @param {() => Promise<readonly string[]>} context.tagNames
   * @param {() => SegmentState[]} context.segments those that are selected
   * @param {() => void} context.clear
   * @param {() => void} context.leave gives the keys back to the timeline
   */
  constructor(corrections, context) {
    this._box = byId("selection");
    this._context = context;
    const add = (/** @type {string} */ tag) => corrections.addTag(context.segments(), tag);
    this._count = el("span", { role: "status" });
    /** The tags that can be removed. */
    this._offered = "";
    this._remover = el("select", { "aria-label": "Remove a tag from the selected segments" });
    this._remover.addEventListener("change", () => {
      const tag = this._remover.value;
      this._remover.value = "";
      if (tag) {
        corrections.removeTag(
          context.segments().filter((segment) => segment.tags.some((score) => score.tag === tag)),
          tag,
        );
      }
    });
    const clear = el("button", { text: "Clear", title: "Escape", on: { click: () => context.clear() } });
    const adder = new TagInput("Tag the selected segments", context.tagNames, add, context.leave);
    this._box.replaceChildren(this._count, adder.element, this._remover, clear);
  }

  /** Go to the field for a tag; return whether it is there. */
  startTag() {
    this._box.querySelector("input")?.focus();
    return !this._box.hidden;
  }

  /** Show how many are selected, and which tags they have. */
  show() {
    const segments = this._context.segments();
    this._box.hidden = segments.length === 0;
    if (!segments.length) return;
    this._count.textContent = `${counted(segments.length, "segment")} selected`;
    const tags = [...new Set(segments.flatMap((segment) => segment.tags.map((score) => score.tag)))].sort();
    const offered = JSON.stringify(tags);
    if (offered === this._offered) return; // events of other segments leave an open choice open
    this._offered = offered;
    const first = el("option", { value: "", text: "Remove a tag…" });
    this._remover.replaceChildren(first, ...tags.map((tag) => el("option", { value: tag, text: tag })));
  }
}
