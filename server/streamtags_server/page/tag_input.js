/** A field to add a tag. A tag that the vocabulary does not have is answered with "did you mean". */

import { el } from "./dom.js";
import { exactName, nearestName } from "./suggestions.js";

const MAX_TAG = 200;

export class TagInput {
  /**
   * @param {string} label
   * @param {() => Promise<readonly string[]>} names of the vocabulary; empty if the server does not know it
   * @param {(tag: string) => void} add
   * @param {() => void} leave gives the keys back to the timeline
   */
  constructor(label, names, add, leave) {
    this._names = names;
    this._add = add;
    this._leave = leave;
    const props = { type: "text", placeholder: label, "aria-label": label, list: "tag-names", maxLength: MAX_TAG };
    this._input = el("input", props);
    this._input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault(); // else the same key would press the button that the question focuses
      this._submit();
    });
    this._question = el("p", { class: "question", role: "alert", hidden: true });
    const button = el("button", { text: "Add", on: { click: () => this._submit() } });
    this.element = el("div", { class: "add" }, this._input, button, this._question);
    this._question.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this._question.hidden = true;
      this._input.focus();
    });
  }

  async _submit() {
    const text = this._input.value.trim();
    if (!text || this._input.readOnly) return;
    this._input.readOnly = true; // until the names are known
    const names = await this._names();
    this._input.readOnly = false;
    const name = exactName(text, names);
    if (name !== null || names.length === 0) this._accept(name ?? text);
    else this._ask(text, nearestName(text, names));
  }

  /** @param {string} tag */
  _accept(tag) {
    this._question.hidden = true;
    this._input.value = "";
    this._leave();
    this._add(tag);
  }

  /** @param {string} text @param {string | null} nearest */
  _ask(text, nearest) {
    const choices =
      nearest === null
        ? []
        : [el("button", { class: "primary", text: nearest, on: { click: () => this._accept(nearest) } })];
    this._question.replaceChildren(
      `The vocabulary has no tag “${text}”. ${nearest === null ? "" : "Did you mean "}`,
      ...choices,
      el("button", { text: `Add “${text}”`, on: { click: () => this._accept(text) } }),
    );
    this._question.hidden = false;
    /** @type {HTMLElement} */ (this._question.querySelector("button")).focus();
  }
}
