/** The page: connection, address, notices. `#/tl_...` opens a timeline. */

import { byId, el } from "./dom.js";
import { Editor } from "./editor.js";
import { listenForKeys } from "./keys.js";
import { Library } from "./library.js";
import { FORMATS, signIn, wantsToken } from "./server.js";
import { StreamtagsClient } from "./streamtags.js";

const NOTICE_MS = 9000;

/** Say something to the person. @param {string} what @param {boolean} [good] */
function tell(what, good = false) {
  const notice = el("div", { class: good ? "notice good" : "notice" }, el("span", { text: what }),
    el("button", { text: "×", "aria-label": "Close", on: { click: () => notice.remove() } }));
  byId("notices").append(notice);
  setTimeout(() => notice.remove(), NOTICE_MS);
}

/** @param {"connecting" | "open" | "closed"} state @param {string} text */
function sayConnection(state, text) {
  byId("connection").dataset.state = state;
  byId("connection").textContent = text;
}

/** Ask for a token until the server takes one. @returns {Promise<void>} */
function askForToken() {
  const dialog = byId("sign-in");
  dialog.showModal();
  dialog.addEventListener("cancel", (/** @type {Event} */ event) => event.preventDefault());
  return new Promise((resolve) => {
    const go = async () => {
      try {
        await signIn(byId("token").value.trim());
        byId("token").value = "";
        dialog.close();
        resolve();
      } catch (error) {
        byId("sign-in-error").textContent = /** @type {Error} */ (error).message;
      }
    };
    byId("sign-in-go").addEventListener("click", go);
    byId("token").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => { if (event.key === "Enter") go(); });
  });
}

function start() {
  const client = new StreamtagsClient(location.origin, { client: "page", backoff: { first: 0.25, most: 5 } });
  const editor = new Editor(client, tell);
  const library = new Library(client, tell);
  client.addEventListener("open", async () => {
    sayConnection("open", client.role === "viewer" ? "Connected, viewing only" : "Connected");
    document.body.dataset.role = client.role ?? "viewer";
    editor.refresh();
    try {
      editor.vocabularies = (await client.request("vocabularies.list")).vocabularies;
      editor.refresh();
    } catch {
      // lost again: asked for when the connection is back
    }
  });
  client.addEventListener("close", () => sayConnection("connecting", "Reconnecting"));
  client.addEventListener("error", ({ error }) => {
    sayConnection("closed", "Not connected");
    tell(error.message);
  });
  byId("export").append(...FORMATS.map(([value, text]) => el("option", { value, text })));
  const route = () => {
    const id = /^#\/([\w-]+)$/.exec(location.hash)?.[1] ?? "";
    editor.open(id);
    library.mark(id);
    library.refresh();
    if (!id) document.title = "streamtags";
  };
  addEventListener("hashchange", route);
  listenForKeys(editor);
  route();
}

if (await wantsToken().catch(() => false)) await askForToken();
start();
