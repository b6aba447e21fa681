/** The dialogs for the open timeline: tag it under another vocabulary, and remove it. */

import { byId, counted, el, on } from "./dom.js";
import { removeTimeline } from "./server.js";

/** @typedef {import("./model.js").Vocabulary} Vocabulary */

/**
 * @param {object} options
 * @param {() => readonly Vocabulary[]} options.vocabularies
 * @param {() => Vocabulary | null} options.current
 * @param {(tags: string) => Promise<any>} options.retag rejects with the reason
 * @param {(text: string, isGood?: boolean) => void} options.notify
 */
export function listenForRetag({ vocabularies, current, retag, notify }) {
  on("retag-open", "click", () => {
    byId("vocabulary").replaceChildren(...vocabularyOptions(vocabularies(), current()));
    byId("retag-error").replaceChildren();
    byId("retag").showModal();
  });
  on("retag-close", "click", () => byId("retag").close());
  on("retag-go", "click", async () => {
    const [file] = byId("vocabulary-file").files;
    byId("retag-error").replaceChildren();
    try {
      const answer = await retag(file ? `${await file.text()}\n` : byId("vocabulary").value);
      byId("retag").close();
      byId("vocabulary-file").value = "";
      notify(`Tagging again under ${answer.vocabulary.id}.`, true);
    } catch (error) {
      showMistakes(byId("retag-error"), error);
    }
  });
}

/** @param {readonly Vocabulary[]} vocabularies @param {Vocabulary | null} current */
export function vocabularyOptions(vocabularies, current) {
  return vocabularies.map((one) => {
    const text = `${one.id} ${one.version}, ${counted(one.tags.length, "tag")}`;
    return el("option", { value: one.name, text, selected: one === current });
  });
}

/**
 * Show an error, and every mistake of a vocabulary with its line.
 *
 * @param {HTMLElement} box @param {any} error @param {string} [about] what it is about, if the message does not say so
 */
export function showMistakes(box, error, about = "") {
  /** @type {{line: number, message: string}[]} */
  const mistakes = error.detail?.mistakes ?? [];
  const said = mistakes.length ? `the vocabulary has ${counted(mistakes.length, "mistake")}` : error.message;
  box.replaceChildren(
    el("p", { text: about ? `${about}: ${said}` : said }),
    ...(mistakes.length
      ? [el("ul", {}, ...mistakes.map(({ line, message }) => el("li", { text: `line ${line}: ${message}` })))]
      : []),
  );
}

/** @param {{id: () => string, name: () => string}} timeline the open one */
export function listenForRemoval({ id, name }) {
  on("remove-open", "click", () => {
    byId("remove-name").textContent = name();
    byId("remove-error").textContent = "";
    byId("remove").showModal();
  });
  on("remove-close", "click", () => byId("remove").close());
  on("remove-go", "click", async () => {
    try {
      await removeTimeline(id()); // the subscription then reports the removal, as for any other client
      byId("remove").close();
    } catch (error) {
      byId("remove-error").textContent = /** @type {Error} */ (error).message;
    }
  });
}
