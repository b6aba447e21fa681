/** Pointer and wheel on the timeline: click and scrub to seek, drag to pan, wheel to zoom, and the overview bar. */

import { byId } from "./dom.js";
import { HEADER, RULER } from "./viewport.js";

/** @typedef {import("./timeline.js").TimelineView} TimelineView */

const CLICK_PIXELS = 3; // a pointer that moves less has clicked
const WHEEL_LINE = 20; // pixels of a wheel step in lines
const ZOOM_PER_PIXEL = 0.0022;

/** @param {TimelineView} timeline @param {(seconds: number) => void} seek */
export function listenForGestures(timeline, seek) {
  const canvas = byId("timeline-over");
  listenForDrags(timeline, seek, canvas);
  canvas.addEventListener("pointerleave", () => timeline.showTip(null));
  canvas.addEventListener("wheel", (/** @type {WheelEvent} */ event) => turnWheel(timeline, event), { passive: false });
  const bar = byId("overview");
  bar.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    bar.setPointerCapture(event.pointerId);
    showOverview(timeline, bar, event);
  });
  bar.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    if (bar.hasPointerCapture(event.pointerId)) showOverview(timeline, bar, event);
  });
}

/** @param {TimelineView} timeline @param {(seconds: number) => void} seek @param {HTMLCanvasElement} canvas */
function listenForDrags(timeline, seek, canvas) {
  const { viewport } = timeline;
  /** @type {{x: number, start: number, hasMoved: boolean, isScrub: boolean} | null} */
  let drag = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.offsetX < HEADER || event.button > 1) return;
    const isScrub = event.button === 0 && event.offsetY < RULER;
    drag = { x: event.clientX, start: viewport.start, hasMoved: false, isScrub };
    canvas.setPointerCapture(event.pointerId);
    if (isScrub) seek(viewport.seconds(event.offsetX));
  });
  canvas.addEventListener("pointermove", (event) => {
    timeline.showTip(drag ? null : event);
    if (!drag) return;
    drag.hasMoved ||= Math.abs(event.clientX - drag.x) > CLICK_PIXELS;
    if (drag.isScrub) {
      seek(viewport.seconds(event.offsetX));
    } else if (drag.hasMoved) {
      viewport.start = drag.start - ((event.clientX - drag.x) / viewport.room) * viewport.span;
      canvas.classList.add("panning");
      timeline.moved();
    }
  });
  canvas.addEventListener("pointerup", (event) => {
    if (drag && !drag.hasMoved && !drag.isScrub && event.button === 0) seek(viewport.seconds(event.offsetX));
    drag = null;
    canvas.classList.remove("panning");
  });
}

/** @param {TimelineView} timeline @param {WheelEvent} event */
function turnWheel(timeline, event) {
  if (event.offsetX < HEADER) return; // over the names of the rows the wheel scrolls
  event.preventDefault();
  const { viewport } = timeline;
  const pixels = event.deltaMode === 1 ? WHEEL_LINE : 1;
  const across = event.shiftKey && !event.deltaX ? event.deltaY : event.deltaX;
  if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    timeline.pan(((across * pixels) / viewport.room) * viewport.span);
  } else {
    timeline.zoom(Math.exp(event.deltaY * pixels * ZOOM_PER_PIXEL), viewport.seconds(event.offsetX));
  }
}

/** @param {TimelineView} timeline @param {HTMLElement} bar @param {PointerEvent} event */
function showOverview(timeline, bar, event) {
  const box = bar.getBoundingClientRect();
  const { viewport } = timeline;
  viewport.start = ((event.clientX - box.left) / box.width) * viewport.duration - viewport.span / 2;
  timeline.moved();
}
