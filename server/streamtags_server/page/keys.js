/** Keyboard shortcuts, as in editing systems. */

import { byId, on } from "./dom.js";
import { toggleBin } from "./panels.js";

const ZOOM = 0.6;
const LEFT_BY_ESCAPE = "#tools input, #tools select, #side input, #side select, #selection input, #selection select";
const PRESSED_BUTTONS = "header button, #transport button, #tools button, #side-tabs button, #cues button";
const ALWAYS = new Set(["?", "s", "b"]); // keys that need no open timeline

/** @param {import("./editor.js").Editor} editor @returns {Object<string, (shift: boolean) => void>} */
function shortcuts(editor) {
  const { player, timeline } = editor;
  return {
    " ": () => player.toggle(),
    j: () => player.shuttle(-1),
    k: () => player.stop(),
    l: () => player.shuttle(1),
    ArrowLeft: (shift) => editor.step(shift ? -1 : 0, shift ? 0 : -1),
    ArrowRight: (shift) => editor.step(shift ? 1 : 0, shift ? 0 : 1),
    ArrowUp: () => editor.cut(-1),
    ArrowDown: () => editor.cut(1),
    Home: () => player.seek(0),
    End: () => player.seek(editor.model?.duration ?? 0),
    "+": () => timeline.zoom(ZOOM),
    "=": () => timeline.zoom(ZOOM),
    "-": () => timeline.zoom(1 / ZOOM),
    "\\": () => timeline.fit(),
    "/": () => byId("filter").select(),
    s: () => byId("search").select(),
    i: () => editor.mark("in"),
    o: () => editor.mark("out"),
    x: () => editor.marks.clear(),
    c: () => editor.copyTimecode(),
    n: (shift) => editor.goToMatch(shift ? -1 : 1),
    b: () => toggleBin(),
    g: () => editor.editScene(),
    q: () => editor.side.toggle(),
    a: () => editor.cues.hear(),
    d: () => editor.startTag(),
    e: () => editor.editCaption(),
    t: () => editor.toggleList(),
    m: () => player.toggleMute(),
    "?": () => byId("help").showModal(),
  };
}

/** @param {import("./editor.js").Editor} editor */
export function listenForKeys(editor) {
  const keys = shortcuts(editor);
  addEventListener("keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.key === "Escape") leaveField(target, editor);
    const isTyping = target.matches("input, textarea, select") && target.getAttribute("type") !== "checkbox";
    const isUndo = event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey;
    if (isUndo && !isTyping && editor.id && editor.client.role === "editor") {
      event.preventDefault();
      editor.corrections.undo();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (isTyping) return;
    if (event.key === " " && target.matches("button, a, input, summary")) return;
    if (target.closest("#bin") && event.key.startsWith("Arrow")) return;
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act || (!editor.id && !ALWAYS.has(event.key))) return;
    event.preventDefault();
    editor.follow();
    act(event.shiftKey);
  });
  on("help-open", "click", () => byId("help").showModal());
  addEventListener("mousedown", (event) => giveKeysBack(event, editor));
  giveKeysBackAfterChoices(editor);
  on("skip", "click", (event) => {
    event.preventDefault(); // its address would close the open timeline
    editor.focus();
  });
}

/**
 * Escape leaves a field of the open timeline, so that the keys act on it again; the filter is cleared.
 *
 * @param {HTMLElement} target @param {import("./editor.js").Editor} editor
 */
function leaveField(target, editor) {
  if (!editor.id || !target.matches(LEFT_BY_ESCAPE) || document.querySelector("dialog[open]")) return;
  if (target.id === "filter") {
    byId("filter").value = "";
    target.dispatchEvent(new Event("input"));
  }
  editor.focus();
}

/**
 * A button that is pressed with the mouse leaves the keys with the timeline: else Space would press it again.
 *
 * @param {MouseEvent} event @param {import("./editor.js").Editor} editor
 */
function giveKeysBack(event, editor) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (!editor.id || !target.closest?.(PRESSED_BUTTONS)) return;
  event.preventDefault();
  editor.focus();
}

/** The same for what is chosen with the mouse above the tracks. @param {import("./editor.js").Editor} editor */
function giveKeysBackAfterChoices(editor) {
  let isByMouse = false;
  on("tools", "mousedown", () => (isByMouse = true));
  on("tools", "keydown", () => (isByMouse = false));
  on("tools", "change", (event) => {
    if (isByMouse && event.target.id !== "filter") setTimeout(() => editor.focus()); // after the click has focused it
  });
}
