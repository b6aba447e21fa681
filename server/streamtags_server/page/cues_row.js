/** The row of the cues: a box for each, with its wanted energy, its hit points and what is decided. */

import { cueAt, decisionText, entriesOf } from "./cues.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./painter.js").Painter} Painter */
/** @typedef {import("./cues.js").Cue} Cue */

const HEIGHT = 30;
const TOP = 3;
const BOX = HEIGHT - 7;
const OPACITY = { accepted: 1, open: 0.55, rejected: 0.14, source: 0.3 };

/** @param {Model} model @param {Painter} painter @returns {import("./rows.js").RowWithoutPlace} */
export function cuesRow(model, painter) {
  const entries = entriesOf(model.state);
  const { viewport } = painter;
  const paint = (/** @type {CanvasRenderingContext2D} */ context, /** @type {number} */ top) => {
    for (const { cue, suggested } of entries) {
      const x = viewport.x(cue.start.seconds - model.origin);
      const width = Math.max(2, viewport.x(cue.end.seconds - model.origin) - x - 1);
      if (x > viewport.width || x + width < 0) continue;
      paintBox(context, painter, cue, { x, width, top: top + TOP });
      paintHits(context, painter, cue, model.origin, top + TOP);
      const title = cue.chosen?.title ?? (cue.decision === "rejected" ? "no music" : (suggested?.cues[0]?.title ?? ""));
      painter.label(context, [cue.cue, title].filter(Boolean).join("  "), x, width, top + HEIGHT / 2 - 1);
    }
  };
  const textAt = (/** @type {number} */ at) => {
    const { start, end } = model.segments[at];
    const entry = entries[cueAt(entries, (start.seconds + end.seconds) / 2)];
    if (!entry) return "";
    const decided = decisionText(entry.cue) || entry.suggested?.cues[0]?.title || "";
    return [`${entry.cue.cue}, ${entry.cue.usage}`, decided].filter(Boolean).join(": ");
  };
  return { name: "Cues", height: HEIGHT, color: painter.laneColor(1), paint, textAt };
}

/**
 * @param {CanvasRenderingContext2D} context @param {Painter} painter @param {Cue} cue
 * @param {{x: number, width: number, top: number}} place
 */
function paintBox(context, painter, cue, { x, width, top }) {
  const color = painter.laneColor(1);
  const opacity = cue.usage === "source" ? OPACITY.source : OPACITY[cue.decision ?? "open"];
  context.fillStyle = color;
  context.globalAlpha = opacity * 0.55;
  context.fillRect(x, top, width, BOX);
  context.globalAlpha = opacity;
  const step = width / Math.max(1, cue.intensity.length);
  cue.intensity.forEach((energy, at) => {
    const height = Math.max(1, energy * BOX);
    context.fillRect(x + at * step, top + BOX - height, step + 0.3, height);
  });
  context.globalAlpha = 1;
  if (cue.decision !== null) context.fillRect(x, top, 3, BOX);
  context.strokeStyle = color;
  context.strokeRect(x + 0.5, top + 0.5, width - 1, BOX - 1);
}

/**
 * @param {CanvasRenderingContext2D} context @param {Painter} painter @param {Cue} cue @param {number} origin
 * @param {number} top
 */
function paintHits(context, painter, cue, origin, top) {
  context.fillStyle = painter.colors["curve-1"];
  for (const { at } of cue.hits) {
    const x = Math.round(painter.viewport.x(at.seconds - origin));
    context.fillRect(x, top, 1, BOX);
    context.fillRect(x - 2, top, 5, 3);
  }
}
