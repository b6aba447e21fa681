/** The dialog to choose films below the media roots of the server, and to analyze them. */

import { byId, counted, el, on } from "./dom.js";
import { requestJson } from "./server.js";
import { showMistakes } from "./dialogs.js";

/**
 * @typedef {object} Entry
 * @property {string} name
 * @property {string} path
 * @property {"folder" | "file"} kind
 * @property {number | null} size in bytes
 * @property {string | null} modified_at
 */
/** @typedef {{path: string, parent: string | null, entries: Entry[], truncated: boolean}} Folder */

const UNITS = ["B", "KB", "MB", "GB", "TB"];

export class MediaDialog {
  /**
   * @param {object} options
   * @param {(path: string) => Promise<{id: string}>} options.analyze rejects with the reason
   * @param {(id: string) => void} options.started called with the first timeline when all analyses have been accepted
   */
  constructor({ analyze, started }) {
    this._analyze = analyze;
    this._started = started;
    /** @type {Folder | null} */
    this._folder = null;
    /** Counts folders that were opened: the answer for an earlier one is dropped. */
    this._browsed = 0;
    this._isSubmitting = false;
    /** Paths of the chosen films, with their names. @type {Map<string, string>} */
    this._chosen = new Map();
    on("media-open", "click", () => this._open());
    on("media-close", "click", () => byId("media").close());
    on("media-go", "click", () => this._submit());
    on("media-filter", "input", () => this._draw());
    on("media-entries", "keydown", (event) => this._moveFocus(event));
    on("media-filter", "keydown", (event) => {
      if (event.key === "ArrowDown") this._focusables()[0]?.focus();
    });
  }

  async _open() {
    this._chosen = new Map(); // films of an earlier dialog may still be on their way
    this._showChosen();
    byId("media").showModal();
    await this._browse(this._folder?.path ?? "");
  }

  /** @param {string} path "" is the list of the roots */
  async _browse(path) {
    const browsed = (this._browsed += 1);
    byId("media-error").replaceChildren();
    byId("media-filter").value = "";
    /** @type {Folder} */
    let folder;
    try {
      folder = await requestJson(`v1/media-roots?${new URLSearchParams({ path })}`);
    } catch (error) {
      if (browsed !== this._browsed) return;
      if (path) await this._browse(""); // the folder may be gone; the roots are always there
      showMistakes(byId("media-error"), error);
      return;
    }
    if (browsed !== this._browsed) return;
    this._folder = folder;
    const only = folder.parent === null && folder.entries.length === 1 ? folder.entries[0] : null;
    if (only) await this._browse(only.path);
    else this._draw();
    byId("media-filter").focus();
  }

  _draw() {
    const folder = this._folder;
    if (!folder) return;
    const parts = [el("button", { text: "Media", on: { click: () => this._browse("") } })];
    const isRoot = folder.parent === null;
    if (!isRoot && folder.parent) {
      const parent = folder.parent;
      parts.push(el("button", { text: "↑ Up", title: parent, on: { click: () => this._browse(parent) } }));
    }
    byId("media-path").replaceChildren(...parts, el("code", { text: folder.path, title: folder.path }));
    const wanted = byId("media-filter").value.trim().toLowerCase();
    const entries = folder.entries.filter((entry) => entry.name.toLowerCase().includes(wanted));
    const more = folder.truncated ? `Only the first ${folder.entries.length.toLocaleString("en")} are listed.` : "";
    const empty = isRoot
      ? "The server offers no folder. Start it with --media-root FOLDER, or send a film with Add."
      : wanted
        ? "No name contains this."
        : "No films here.";
    const note = entries.length ? more : empty;
    byId("media-entries").replaceChildren(
      ...entries.map((entry) => el("li", {}, entry.kind === "folder" ? this._folderRow(entry) : this._fileRow(entry))),
      ...(note ? [el("li", { class: "muted note", text: note })] : []),
    );
  }

  /** @param {Entry} entry */
  _folderRow(entry) {
    return el(
      "button",
      { class: "entry folder", title: entry.path, on: { click: () => this._browse(entry.path) } },
      el("span", { class: "name", text: entry.name }),
    );
  }

  /** @param {Entry} entry */
  _fileRow(entry) {
    const box = el("input", { type: "checkbox", checked: this._chosen.has(entry.path) });
    box.addEventListener("change", () => {
      if (box.checked) this._chosen.set(entry.path, entry.name);
      else this._chosen.delete(entry.path);
      this._showChosen();
    });
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      if (!this._chosen.size) this._chosen.set(entry.path, entry.name);
      this._submit();
    });
    return el(
      "label",
      { class: "entry", title: entry.path },
      box,
      el("span", { class: "name", text: entry.name }),
      el("span", { class: "muted", text: dateText(entry.modified_at) }),
      el("span", { class: "muted size", text: sizeText(entry.size) }),
    );
  }

  _focusables() {
    return /** @type {NodeListOf<HTMLElement>} */ (byId("media-entries").querySelectorAll("button, input"));
  }

  /** @param {KeyboardEvent} event */
  _moveFocus(event) {
    const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    const all = [...this._focusables()];
    const next = all.indexOf(/** @type {HTMLElement} */ (document.activeElement)) + way;
    if (next < 0) byId("media-filter").focus();
    else all[next]?.focus();
  }

  _showChosen() {
    const count = this._chosen.size;
    byId("media-go").disabled = count === 0 || this._isSubmitting;
    byId("media-go").textContent = count > 1 ? `Analyze ${counted(count, "film")}` : "Analyze";
  }

  async _submit() {
    if (this._isSubmitting) return;
    this._isSubmitting = true;
    const chosen = this._chosen;
    this._showChosen();
    byId("media-error").replaceChildren();
    const first = await this._analyzeAll(chosen);
    this._isSubmitting = false;
    this._showChosen();
    if (chosen !== this._chosen) return; // the dialog was opened again
    if (chosen.size === 0) byId("media").close();
    else this._draw();
    if (chosen.size === 0 && first) this._started(first);
  }

  /**
   * Analyze films until one is refused; those that are accepted are no longer among them.
   *
   * @param {Map<string, string>} chosen @returns {Promise<string>} the id of the first, "" if none was accepted
   */
  async _analyzeAll(chosen) {
    let first = "";
    for (const [path, name] of chosen) {
      try {
        const { id } = await this._analyze(path);
        first ||= id;
        chosen.delete(path);
      } catch (error) {
        if (chosen === this._chosen) showMistakes(byId("media-error"), /** @type {Error} */ (error), name);
        break;
      }
    }
    return first;
  }
}

/** @param {number | null} bytes */
function sizeText(bytes) {
  if (bytes === null) return "";
  let at = 0;
  let value = bytes;
  for (; value >= 1000 && at < UNITS.length - 1; at += 1) value /= 1000;
  return `${value >= 100 || at === 0 ? Math.round(value) : value.toFixed(1)} ${UNITS[at]}`;
}

/** @param {string | null} at RFC 3339 */
function dateText(at) {
  return at === null
    ? ""
    : new Date(at).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
}
