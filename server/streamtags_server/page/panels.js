/** Panels that can be resized, by pointer or by keyboard; the browser remembers their sizes. */

import { byId, on } from "./dom.js";
import { recall, remember } from "./memory.js";

const KEY_STEP = 16; // pixels

/**
 * A border that moves. `grows` is +1 if its panel grows to the right or downwards, -1 otherwise.
 *
 * @typedef {{id: string, property: string, panel: string, axis: "x" | "y", grows: 1 | -1, least: number}} Border
 */

/** @type {Border[]} */
const BORDERS = [
  { id: "split-bin", property: "--bin", panel: "bin", axis: "x", grows: 1, least: 120 },
  { id: "split-inspector", property: "--inspector", panel: "side", axis: "x", grows: -1, least: 180 },
  { id: "split-tracks", property: "--tracks", panel: "tracks", axis: "y", grows: -1, least: 140 },
];

/** Make the borders move and restore their places. */
export function listenForResizing() {
  for (const border of BORDERS) {
    const size = Number(recall(border.id));
    if (size) setSize(border, size);
    listen(border);
  }
  on("bin-toggle", "click", toggleBin);
  if (recall("bin-hidden")) toggleBin();
}

/** Show or hide the list of timelines. */
export function toggleBin() {
  const isHidden = document.body.classList.toggle("no-bin");
  byId("bin-toggle").setAttribute("aria-pressed", String(!isHidden));
  remember("bin-hidden", isHidden ? "yes" : "");
}

/** @param {Border} border */
function listen(border) {
  const { id, panel, axis, grows } = border;
  const element = byId(id);
  const sizeNow = () => byId(panel)[axis === "x" ? "offsetWidth" : "offsetHeight"];
  /** @type {{at: number, size: number} | null} */
  let drag = null;
  element.addEventListener("focus", () => element.setAttribute("aria-valuenow", String(sizeNow())));
  const at = (/** @type {PointerEvent} */ event) => (axis === "x" ? event.clientX : event.clientY);
  element.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    drag = { at: at(event), size: sizeNow() };
    element.setPointerCapture(event.pointerId);
  });
  element.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    if (drag) setSize(border, drag.size + (at(event) - drag.at) * grows);
  });
  element.addEventListener("pointerup", () => {
    drag = null;
    remember(id, String(sizeNow()));
  });
  element.addEventListener("dblclick", () => {
    document.body.style.removeProperty(border.property);
    remember(id, "");
  });
  element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const way = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    setSize(border, sizeNow() + way * grows * KEY_STEP);
    remember(id, String(sizeNow()));
  });
}

/** @param {Border} border @param {number} size pixels */
function setSize({ property, axis, least, id }, size) {
  const most = (axis === "x" ? innerWidth : innerHeight) * 0.7;
  const pixels = Math.round(Math.max(least, Math.min(most, size)));
  document.body.style.setProperty(property, `${pixels}px`);
  byId(id).setAttribute("aria-valuenow", String(pixels));
}
