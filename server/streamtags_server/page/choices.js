/** The profile and the vocabulary for what is analyzed next; remembered by the browser. */

import { byId, el, on } from "./dom.js";
import { recall, remember } from "./memory.js";

/** @typedef {import("./model.js").Vocabulary} Vocabulary */

export class Choices {
  constructor() {
    for (const id of ["choose-profile", "choose-vocabulary"]) on(id, "change", () => remember(id, byId(id).value));
  }

  /** @param {import("./info.js").Info} info @param {readonly Vocabulary[]} vocabularies */
  offer(info, vocabularies) {
    const profiles = info.profiles.map((name) => ({ value: name, text: name }));
    fill("choose-profile", info.profile ? `default (${info.profile})` : "default", profiles);
    const named = vocabularies.map((one) => ({ value: one.name, text: `${one.id}, ${one.tags.length} tags` }));
    fill("choose-vocabulary", "default", named);
  }

  /** What was chosen; a default is left to the server. @returns {{profile?: string, tags?: string}} */
  given() {
    const [profile, tags] = ["choose-profile", "choose-vocabulary"].map((id) => byId(id).value);
    return { ...(profile && { profile }), ...(tags && { tags }) };
  }
}

/** @param {string} id @param {string} first @param {{value: string, text: string}[]} options */
function fill(id, first, options) {
  const chosen = recall(id);
  const select = byId(id);
  select.replaceChildren(el("option", { value: "", text: first }), ...options.map((option) => el("option", option)));
  select.value = options.some((option) => option.value === chosen) ? chosen : "";
}
