/**
 * Films on their way to the server: chosen in a dialog or dropped on the page. A film that was refused keeps its name
 * and its reason.
 */

import { addressOf, parseAddress } from "./address.js";
import { byId, el, on } from "./dom.js";
import { upload } from "./server.js";
import { showMistakes } from "./dialogs.js";

const WRITING = "#inspector textarea:focus, #inspector input:focus, #cue-guide:focus, #selection input:focus";

/** Whether a person is in a dialog, or writes about a segment: another timeline would take that away. */
function isBusy() {
  const field = /** @type {HTMLInputElement | null} */ (document.querySelector(WRITING));
  return document.querySelector("dialog[open]") !== null || Boolean(field?.value);
}

export class Uploads {
  /**
   * @param {import("./choices.js").Choices} choices
   * @param {{isViewer: () => boolean, sent: () => void}} options `sent` is called when the server has answered
   */
  constructor(choices, { isViewer, sent }) {
    this._choices = choices;
    this._isViewer = isViewer;
    this._sent = sent;
    on("upload", "click", () => byId("file").click());
    on("file", "change", (event) => {
      for (const file of event.target.files) this.send(file);
      event.target.value = "";
    });
    this._listenForDrops();
  }

  /** @param {File} file */
  async send(file) {
    const bar = el("progress", { max: 1, value: 0, "aria-label": `Sending ${file.name}` });
    const status = el("span", { class: "muted", text: "0 %" });
    const { profile = "", tags = "" } = this._choices.given();
    const before = parseAddress(location.hash).id;
    const { done, abort } = upload(file, { profile, tags }, (share) => {
      bar.value = share;
      status.textContent = share < 1 ? `${Math.round(share * 100)} %` : "Checking";
    });
    const stop = el("button", { text: "Stop", on: { click: abort } });
    const row = el("div", { class: "upload" }, el("div", { class: "name", text: file.name, title: file.name }), bar);
    row.append(el("div", { class: "row" }, status, stop));
    byId("uploads").append(row);
    try {
      const { id } = await done;
      row.remove();
      if (parseAddress(location.hash).id === before && !isBusy()) location.hash = addressOf(id);
    } catch (error) {
      this._showFailure(row, file, /** @type {Error} */ (error));
    }
    this._sent();
  }

  /** @param {HTMLElement} row @param {File} file @param {Error} error */
  _showFailure(row, file, error) {
    const reason = el("div", { class: "failure", role: "alert" });
    showMistakes(reason, error);
    const retry = () => {
      row.remove();
      this.send(file);
    };
    const buttons = el(
      "div",
      { class: "row" },
      el("button", { text: "Try again", on: { click: retry } }),
      el("button", { text: "Dismiss", on: { click: () => row.remove() } }),
    );
    row.replaceChildren(el("div", { class: "name", text: file.name, title: file.name }), reason, buttons);
  }

  _listenForDrops() {
    let depth = 0;
    const carriesFiles = (/** @type {DragEvent} */ event) =>
      event.dataTransfer?.types.includes("Files") && !this._isViewer();
    const show = (/** @type {number} */ next) => {
      depth = Math.max(0, next);
      byId("drop").hidden = depth === 0;
    };
    addEventListener("dragenter", (event) => {
      if (carriesFiles(event)) show(depth + 1);
    });
    addEventListener("dragleave", (event) => {
      if (carriesFiles(event)) show(depth - 1);
    });
    addEventListener("dragover", (event) => event.preventDefault());
    addEventListener("drop", (event) => {
      event.preventDefault();
      show(0);
      if (carriesFiles(event)) for (const file of event.dataTransfer?.files ?? []) this.send(file);
    });
  }
}
