/**
 * The rows of the timeline: scenes, pictures, captions, one for each axis, one for each curve. Each knows how to
 * paint itself.
 */

import { cuesRow } from "./cues_row.js";
import { heardRows } from "./heard_rows.js";
import { hasPicture } from "./live.js";
import { picturesRow } from "./pictures_row.js";
import { soundRow } from "./sound_row.js";
import { RULER } from "./viewport.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./painter.js").Painter} Painter */
/**
 * What rows show beside the model.
 *
 * @typedef {import("./pictures_row.js").Pictures & {waveforms: import("./waveforms.js").Waveforms}} Material
 */

/**
 * @typedef {object} Row
 * @property {string} name
 * @property {number} top pixels from the top of the timeline
 * @property {number} height
 * @property {(context: CanvasRenderingContext2D, top: number) => void} paint `top` is where the row is on the canvas
 * @property {(at: number) => string} [textAt] what the row says about a segment
 * @property {string} [color] of the mark before the name
 * @property {boolean} [isEmpty] the row has nothing to show
 */

const SCENES = 20;
const FULL_SCENE = 64; // pixels below which a scene has its number only
const TEXTS = 24;
const LANE = 25;
const EMPTY_LANE = 16;
const CURVE = 31;
const MIN_TEXT_WIDTH = 8; // average pixels of a segment, below which a row is painted as a strip of pixels

/** @typedef {Omit<Row, "top">} RowWithoutPlace */

/** @param {Model} model @param {Painter} painter @param {Material} material @returns {Row[]} */
export function layRows(model, painter, material) {
  let top = RULER;
  return allRows(model, painter, material).map((row) => {
    const placed = { ...row, top };
    top += row.height;
    return placed;
  });
}

/** @param {Model} model @param {Painter} painter @param {Material} material @returns {RowWithoutPlace[]} */
function allRows(model, painter, material) {
  const scenes = model.state.scenes.length ? [scenesRow(model, painter)] : [];
  const captions = textRow("Captions", model, painter, (at) => model.segments[at].caption);
  return [
    ...scenes,
    ...(model.state.spotting?.length ? [cuesRow(model, painter)] : []),
    ...(hasPicture(model.state.source) ? [picturesRow(model, painter, material)] : []),
    ...(material.waveforms.isEmpty ? [] : [soundRow(model, painter, material.waveforms)]),
    ...heardRows(model, painter),
    captions,
    ...model.answers.map(({ title, textAt }) => textRow(title, model, painter, textAt)),
    ...model.lanes.map((lane, index) => laneRow(lane, painter.laneColor(index), model, painter)),
    ...model.curves.map((curve, index) => curveRow(curve, painter.curveColor(index), painter)),
  ];
}

/** @param {Model} model @param {Painter} painter @returns {RowWithoutPlace} */
function scenesRow(model, painter) {
  const { scenes, scene_edits: edits = [] } = model.state;
  const byHand = new Set(edits.filter((edit) => edit.begins).map((edit) => edit.segment));
  const { viewport, colors } = painter;
  const paint = (/** @type {CanvasRenderingContext2D} */ context, /** @type {number} */ top) => {
    let edge = -1;
    for (let at = firstSceneAfter(model, viewport.start); at < scenes.length; at += 1) {
      const x = viewport.x(scenes[at].start.seconds - model.origin);
      if (x > viewport.width) break;
      const end = viewport.x(scenes[at].end.seconds - model.origin);
      if (end < edge + 1.5) continue; // too narrow to be seen
      edge = end;
      context.fillStyle = colors.scene;
      context.fillRect(x, top + 2, Math.max(1, end - x - 1), SCENES - 5);
      if (byHand.has(scenes[at].first)) {
        context.fillStyle = colors.accent;
        context.fillRect(x, top + 2, 2, SCENES - 5);
      }
      const name = end - x < FULL_SCENE ? String(scenes[at].index + 1) : `Scene ${scenes[at].index + 1}`;
      painter.label(context, name, x, end - x, top + SCENES / 2);
    }
  };
  return { name: "Scenes", height: SCENES, paint };
}

/** The first scene that ends after `seconds`. @param {Model} model @param {number} seconds */
function firstSceneAfter({ state: { scenes }, origin }, seconds) {
  let low = 0;
  let high = scenes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (scenes[middle].end.seconds - origin <= seconds) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * A row with a text for each segment.
 *
 * @param {string} name @param {Model} model @param {Painter} painter @param {(at: number) => string | null} textOf
 * @returns {RowWithoutPlace}
 */
function textRow(name, model, painter, textOf) {
  const row = { name, height: TEXTS, textAt: (/** @type {number} */ at) => textOf(at) ?? "", paint: () => {} };
  const paint = (/** @type {CanvasRenderingContext2D} */ context, /** @type {number} */ top) => {
    const { colors } = painter;
    if (painter.perSegment < MIN_TEXT_WIDTH) {
      const opacity = (/** @type {number} */ at) => (textOf(at) === null ? 0 : painter.shade(model, at));
      painter.boxes.boxes(context, painter.place(row.height, top), painter.columns, colors.clip, opacity);
      return;
    }
    painter.each(model, (at, x, width) => {
      const text = textOf(at);
      if (text === null) return;
      context.globalAlpha = painter.shade(model, at);
      context.fillStyle = colors.clip;
      context.fillRect(x, top + 3, Math.max(1, width - 1), TEXTS - 7);
      painter.label(context, text, x, width, top + TEXTS / 2);
      context.globalAlpha = 1;
    });
  };
  return { ...row, paint };
}

/**
 * @param {import("./model.js").Lane} lane
 * @param {string} color
 * @param {Model} model
 * @param {Painter} painter
 * @returns {RowWithoutPlace}
 */
function laneRow(lane, color, model, painter) {
  const height = lane.used ? LANE : EMPTY_LANE;
  const opacity = (/** @type {number} */ at) => lane.confidence[at] && 0.16 + 0.84 * lane.confidence[at];
  const row = { name: lane.name, height, color, isEmpty: !lane.used, paint: () => {} };
  const paint = (/** @type {CanvasRenderingContext2D} */ context, /** @type {number} */ top) => {
    if (painter.perSegment < MIN_TEXT_WIDTH) {
      const shaded = (/** @type {number} */ at) => painter.shade(model, at) * opacity(at);
      painter.boxes.boxes(context, painter.place(row.height, top), painter.columns, color, shaded);
      return;
    }
    painter.each(model, (at, x, width) => {
      if (lane.confidence[at] === 0) return;
      const shade = painter.shade(model, at);
      context.fillStyle = color;
      context.globalAlpha = shade * opacity(at);
      context.fillRect(x, top + 3, Math.max(1, width - 1), height - 7);
      const tag = lane.tags[at];
      if (tag !== null && width > 20) {
        context.globalAlpha = shade;
        context.fillRect(x, top + 3, 2, height - 7);
        const text = lane.more[at] ? `${tag}  +${lane.more[at]}` : tag;
        painter.label(context, text, x + 1, width, top + height / 2);
      }
    });
    context.globalAlpha = 1;
  };
  const textAt = (/** @type {number} */ at) => {
    const score = model.segments[at].tags.find((one) => one.tag === lane.tags[at]);
    const more = lane.more[at] ? ` and ${lane.more[at]} more` : "";
    return score ? `${score.tag} ${score.confidence.toFixed(2)}${more}` : "";
  };
  return { ...row, paint, textAt };
}

/**
 * @param {import("./model.js").Curve} curve
 * @param {string} color
 * @param {Painter} painter
 * @returns {RowWithoutPlace}
 */
function curveRow(curve, color, painter) {
  const row = { name: curve.name, height: CURVE, paint: () => {} };
  const paint = (/** @type {CanvasRenderingContext2D} */ context, /** @type {number} */ top) => {
    painter.areas.area(context, painter.place(row.height, top), painter.columns, curve, color);
  };
  const textAt = (/** @type {number} */ at) => {
    const value = curve.values[at];
    return Number.isNaN(value) ? "" : `${curve.name} ${Number(value.toPrecision(3))} ${curve.unit}`;
  };
  return { ...row, paint, textAt };
}
