/** The profile and the vocabulary for what is analyzed next; remembered by the browser. */

import { counted, el } from "./dom.js";
import { recall, remember } from "./memory.js";

/** @typedef {import("./model.js").Vocabulary} Vocabulary */

/** The selects of a choice, which show the same everywhere on the page. @param {string} choice */
function selectsOf(choice) {
  return /** @type {NodeListOf<HTMLSelectElement>} */ (document.querySelectorAll(`select[data-choice="${choice}"]`));
}

export class Choices {
  constructor() {
    /** Whether the selects offer what the server has; before, a choice is what the browser remembers. */
    this._isOffered = false;
    for (const choice of ["profile", "vocabulary"]) {
      for (const select of selectsOf(choice)) {
        select.addEventListener("change", () => {
          remember(`choose-${choice}`, select.value);
          for (const other of selectsOf(choice)) other.value = select.value;
        });
      }
    }
  }

  /** @param {import("./info.js").Info} info @param {readonly Vocabulary[]} vocabularies */
  offer(info, vocabularies) {
    const profiles = info.profiles.map((name) => ({ value: name, text: name }));
    fill("profile", info.profile ? `${info.profile} (default)` : "default", profiles);
    const named = vocabularies.map((one) => ({
      value: one.name,
      text: `${one.id}, ${counted(one.tags.length, "tag")}`,
    }));
    fill("vocabulary", "default", named);
    this._isOffered = true;
  }

  /** What was chosen; a default is left to the server. @returns {{profile?: string, tags?: string}} */
  given() {
    const [profile, tags] = ["profile", "vocabulary"].map((choice) =>
      this._isOffered ? selectsOf(choice)[0].value : recall(`choose-${choice}`),
    );
    return { ...(profile && { profile }), ...(tags && { tags }) };
  }
}

/** @param {string} choice @param {string} first @param {{value: string, text: string}[]} options */
function fill(choice, first, options) {
  const chosen = selectsOf(choice)[0].value || recall(`choose-${choice}`);
  for (const select of selectsOf(choice)) {
    select.replaceChildren(el("option", { value: "", text: first }), ...options.map((option) => el("option", option)));
    select.value = options.some((option) => option.value === chosen) ? chosen : "";
  }
}
