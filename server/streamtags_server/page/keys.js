/** Keyboard shortcuts, as in editing systems. */

import { byId, on } from "./dom.js";
import { toggleBin } from "./panels.js";

const ZOOM = 0.6;
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
    "/": () => byId("filter").focus(),
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
    e: () => editor.details.edit(),
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
    if (event.key === "Escape" && target.id === "filter") {
      byId("filter").value = "";
      target.dispatchEvent(new Event("input"));
      editor.focus();
    }
    const isTyping = target.matches("input, textarea, select") && target.getAttribute("type") !== "checkbox";
    const isUndo = event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey;
    if (isUndo && !isTyping && editor.id && editor.client.role === "editor") {
      event.preventDefault();
      editor.corrections.undo();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (isTyping) return;
    if (event.key === " " && target.matches("button, a, input")) return;
    if (target.closest("#bin") && event.key.startsWith("Arrow")) return;
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act || (!editor.id && !ALWAYS.has(event.key))) return;
    event.preventDefault();
    act(event.shiftKey);
  });
  on("help-open", "click", () => byId("help").showModal());
}
