/** The keyboard, as editors know it. */

import { byId } from "./dom.js";

/** @param {import("./editor.js").Editor} editor */
export function listenForKeys(editor) {
  /** @type {Object<string, (shift: boolean) => void>} */
  const keys = {
    " ": () => editor.player.toggle(),
    j: () => editor.player.shuttle(-1),
    k: () => editor.player.stop(),
    l: () => editor.player.shuttle(1),
    ArrowLeft: (shift) => editor.step(shift ? -1 : 0, shift ? 0 : -1),
    ArrowRight: (shift) => editor.step(shift ? 1 : 0, shift ? 0 : 1),
    ArrowUp: () => editor.cut(-1),
    ArrowDown: () => editor.cut(1),
    Home: () => editor.player.seek(0),
    End: () => editor.player.seek(editor.model?.duration ?? 0),
    "+": () => editor.timeline.zoom(0.6),
    "=": () => editor.timeline.zoom(0.6),
    "-": () => editor.timeline.zoom(1 / 0.6),
    "\\": () => editor.timeline.fit(),
    "/": () => byId("filter").focus(),
    e: () => editor.details.edit(),
    t: () => editor.toggleList(),
    m: () => editor.mute(),
    "?": () => byId("help").showModal(),
  };
  addEventListener("keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.key === "Escape" && target.id === "filter") {
      byId("filter").value = "";
      target.dispatchEvent(new Event("input"));
      byId("timeline").focus();
    }
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (target.matches("input, textarea, select")) return;
    if (event.key === " " && target.matches("button, a")) return;
    if (target.closest("#bin") && event.key.startsWith("Arrow")) return;
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act || (!editor.id && event.key !== "?")) return;
    event.preventDefault();
    act(event.shiftKey);
  });
  byId("help-open").addEventListener("click", () => byId("help").showModal());
}
