/** The list of timelines, and films on their way to the server. */

import { byId, el } from "./dom.js";
import { upload } from "./server.js";
import { lengthText } from "./timecode.js";

const REFRESH_MS = 2000;

export class Library {
  /** @param {import("./streamtags.js").StreamtagsClient} client @param {(what: string) => void} complain */
  constructor(client, complain) {
    this._client = client;
    this._complain = complain;
    this._open = "";
    this._text = "";
    /** @type {any[]} */
    this._timelines = [];
    client.addEventListener("open", () => this.refresh());
    setInterval(() => { if (!document.hidden) this.refresh(); }, REFRESH_MS);
    byId("upload").addEventListener("click", () => byId("file").click());
    byId("file").addEventListener("change", (/** @type {any} */ event) => {
      for (const file of event.target.files) this.send(file);
      event.target.value = "";
    });
    byId("address-open").addEventListener("click", () => byId("address").showModal());
    byId("address-close").addEventListener("click", () => byId("address").close());
    byId("address-go").addEventListener("click", () => this._analyze());
    byId("uri").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => { if (event.key === "Enter") this._analyze(); });
    this._listenForDrops();
  }

  async _analyze() {
    const uri = byId("uri").value.trim();
    if (!uri) return;
    byId("address-error").textContent = "";
    try {
      const { id } = await this._client.request("timelines.analyze", { uri });
      byId("address").close();
      byId("uri").value = "";
      location.hash = `#/${id}`;
      this.refresh();
    } catch (error) {
      byId("address-error").textContent = /** @type {Error} */ (error).message;
    }
  }

  /** Mark the one that is open. @param {string} id */
  mark(id) {
    this._open = id;
    this._draw();
  }

  async refresh() {
    if (this._client.role === null) return;
    try {
      const { timelines } = await this._client.request("timelines.list");
      const text = JSON.stringify(timelines);
      if (text === this._text) return;
      this._text = text;
      this._timelines = timelines;
      this._draw();
    } catch {
      // the connection was lost, which its own sign tells; it is asked again when it is back
    }
  }

  /** @param {File} file */
  async send(file) {
    const bar = el("progress", { max: 1, value: 0, "aria-label": `Sending ${file.name}` });
    const said = el("span", { class: "muted", text: "0 %" });
    const { done, abort } = upload(file, (share) => {
      bar.value = share;
      said.textContent = share < 1 ? `${Math.round(share * 100)} %` : "Checking";
    });
    const row = el("div", { class: "upload" }, el("div", { text: file.name }), bar, el("div", { class: "row" }, said, el("button", { text: "Stop", on: { click: abort } })));
    byId("uploads").append(row);
    try {
      const { id } = await done;
      location.hash = `#/${id}`;
    } catch (error) {
      this._complain(`${file.name} was not taken: ${/** @type {Error} */ (error).message}`);
    } finally {
      row.remove();
      this.refresh();
    }
  }

  _draw() {
    const list = byId("timelines");
    const focused = document.activeElement?.getAttribute("href");
    list.replaceChildren(...this._timelines.map((one) => el("li", {}, el("a", {
      href: `#/${one.id}`, "aria-current": one.id === this._open ? "page" : null, title: one.name || one.id,
    }, el("b", { text: one.name || one.id }), this._line(one)))));
    if (focused) [...list.querySelectorAll("a")].find((one) => one.getAttribute("href") === focused)?.focus();
  }

  /** @param {any} one */
  _line(one) {
    const state = el("i", { text: one.state });
    state.dataset.state = one.state;
    return el("span", {}, state, el("i", { text: `${one.segments.toLocaleString("en")} segments` }), el("i", { text: lengthText(one.seconds) }));
  }

  _listenForDrops() {
    let depth = 0;
    const carries = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") && this._client.role !== "viewer";
    addEventListener("dragenter", (event) => { if (carries(event)) { depth += 1; byId("drop").hidden = false; } });
    addEventListener("dragleave", (event) => { if (carries(event) && (depth -= 1) <= 0) { depth = 0; byId("drop").hidden = true; } });
    addEventListener("dragover", (event) => event.preventDefault());
    addEventListener("drop", (event) => {
      event.preventDefault();
      depth = 0;
      byId("drop").hidden = true;
      if (carries(event)) for (const file of event.dataTransfer?.files ?? []) this.send(file);
    });
  }
}
