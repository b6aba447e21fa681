/** The rows of what is heard: one each for speech, singing and music. */

import { musicText, shareOf, SOUNDS, tickOf } from "./heard.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./painter.js").Painter} Painter */

const HEIGHT = 17;
const MIN_WIDTH = 8; // average pixels of a segment, below which a row is painted as a strip of pixels

/** @param {Model} model @param {Painter} painter @returns {import("./rows.js").RowWithoutPlace[]} */
export function heardRows(model, painter) {
  if (!model.hasHeard) return [];
  return Object.entries(SOUNDS).map(([kind, name], index) =>
    heardRow(kind, name, painter.laneColor(index), model, painter),
  );
}

/**
 * @param {string} kind @param {string} name @param {string} color @param {Model} model @param {Painter} painter
 * @returns {import("./rows.js").RowWithoutPlace}
 */
function heardRow(kind, name, color, model, painter) {
  const { segments } = model;
  const isEmpty = !segments.some((segment) => shareOf(segment, kind) > 0);
  const paint = (/** @type {CanvasRenderingContext2D} */ context, /** @type {number} */ top) => {
    if (painter.perSegment < MIN_WIDTH) {
      const opacity = (/** @type {number} */ at) => painter.shade(model, at) * shareOf(segments[at], kind);
      painter.boxes.boxes(context, painter.place(HEIGHT, top), painter.columns, color, opacity);
      return;
    }
    context.fillStyle = color;
    painter.each(model, (at) => {
      const shade = painter.shade(model, at);
      for (const { start, end, share } of spansOf(segments[at], kind)) {
        const x = painter.viewport.x(start - model.origin);
        context.globalAlpha = shade * share;
        context.fillRect(x, top + 4, Math.max(0.5, painter.viewport.x(end - model.origin) - x), HEIGHT - 9);
      }
    });
    context.globalAlpha = 1;
  };
  const textAt = (/** @type {number} */ at) => {
    const share = shareOf(segments[at], kind);
    if (!share) return "";
    const more = kind === "music" ? musicText(segments[at]) : "";
    return `${kind} ${Math.round(share * 100)} %${more && `: ${more}`}`;
  };
  return { name, height: HEIGHT, color, isEmpty, paint, textAt };
}

/**
 * The shares of a kind of sound in the windows of a segment; of the whole segment if it has none.
 *
 * @param {any} segment @param {string} kind @returns {{start: number, end: number, share: number}[]}
 */
function spansOf(segment, kind) {
  const windows = segment.answers?.heard?.windows;
  if (!Array.isArray(windows) || !windows.length) {
    return [{ start: segment.start.seconds, end: segment.end.seconds, share: shareOf(segment, kind) }];
  }
  const tick = tickOf(segment);
  return windows.map((one) => ({ start: one.start * tick, end: one.end * tick, share: one.content?.[kind] ?? 0 }));
}
