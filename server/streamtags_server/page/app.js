/** The page: connection, address and notices. */

import { addressOf, parseAddress } from "./address.js";
import { Choices } from "./choices.js";
import { Description } from "./description.js";
import { byId, el, on } from "./dom.js";
import { Editor } from "./editor.js";
import { listenForKeys } from "./keys.js";
import { Library } from "./library.js";
import { MediaDialog } from "./media_dialog.js";
import { listenForResizing } from "./panels.js";
import { Search } from "./search.js";
import { needsToken, signIn } from "./server.js";
import { StreamtagsClient } from "./streamtags.js";
import { Uploads } from "./uploads.js";

const NOTICE_MS = 9000;

/** Show a notice for a few seconds. @param {string} text @param {boolean} [isGood] */
function notify(text, isGood = false) {
  const notice = el("div", { class: isGood ? "notice good" : "notice" }, el("span", { text }));
  notice.append(el("button", { text: "×", "aria-label": "Close", on: { click: () => notice.remove() } }));
  byId("notices").append(notice);
  setTimeout(() => notice.remove(), NOTICE_MS);
}

/** @param {"connecting" | "open" | "closed"} state @param {string} text */
function showConnection(state, text) {
  byId("connection").dataset.state = state;
  byId("connection").textContent = text;
}

/** Ask for a token until the server accepts one. @returns {Promise<void>} */
function askForToken() {
  const dialog = byId("sign-in");
  dialog.showModal();
  dialog.addEventListener("cancel", (/** @type {Event} */ event) => event.preventDefault());
  return new Promise((resolve) => {
    const submit = async () => {
      try {
        await signIn(byId("token").value.trim());
        byId("token").value = "";
        dialog.close();
        resolve();
      } catch (error) {
        byId("sign-in-error").textContent = /** @type {Error} */ (error).message;
      }
    };
    on("sign-in-go", "click", submit);
    on("token", "keydown", (event) => {
      if (event.key === "Enter") submit();
    });
  });
}

function start() {
  const client = new StreamtagsClient(location.origin, { client: "page", backoff: { first: 0.25, most: 5 } });
  const choices = new Choices();
  const library = new Library(client, choices, () => editor.listChanged());
  const editor = new Editor(client, notify, (id) => library.listed(id));
  new Uploads(choices, { isViewer: () => client.role === "viewer", sent: () => library.refresh() });
  const go = (/** @type {string} */ id, segment = "") => {
    if (location.hash === addressOf(id, segment)) route();
    else location.hash = addressOf(id, segment);
  };
  new MediaDialog({
    analyze: (uri) => client.request("timelines.analyze", { uri, ...choices.given() }),
    started: (id) => go(id),
  });
  const search = new Search(client, { timeline: () => editor.id, open: go, leave: () => editor.focus() });
  client.addEventListener("open", () => {
    showConnection("open", client.role === "viewer" ? "Connected, viewing only" : "Connected");
    document.body.dataset.role = client.role ?? "viewer";
    editor.refresh();
  });
  new Description(client, {
    described: (info, vocabularies) => {
      library.setVocabularies(vocabularies);
      choices.offer(info, vocabularies);
      search.offer(vocabularies);
      editor.describe(info, vocabularies);
    },
    libraries: (libraries) => editor.cues.offer(libraries),
    notify,
  });
  client.addEventListener("close", () => showConnection("connecting", "Reconnecting"));
  client.addEventListener("error", ({ error }) => {
    showConnection("closed", "Not connected");
    notify(error.message);
  });
  const route = () => {
    const { id, segment } = parseAddress(location.hash);
    editor.open(id);
    if (segment) editor.goToSegment(segment);
    library.mark(id);
    library.refresh();
    if (!id) document.title = "streamtags";
  };
  addEventListener("hashchange", route);
  listenForKeys(editor);
  listenForResizing();
  route();
}

if (await needsToken().catch(() => false)) await askForToken();
start();
