/** The row of pictures: a thumbnail for each segment; zoomed in, stills of the film along the segment. */

import { faceBoxes } from "./faces.js";
import { HEADER } from "./viewport.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./painter.js").Painter} Painter */
/** @typedef {{thumbnails: import("./thumbnails.js").Thumbnails, film: import("./filmstrip.js").Filmstrip}} Pictures */

const PICTURES = 56;
const MIN_OUTLINED = 24; // pixels of a thumbnail, below which faces are not outlined
const GRID = 4; // stills are at quarters of a second, so that zooming uses those that are there
const EDGE_SECONDS = 0.02; // inside a segment, so that rounding never shows its neighbor

/**
 * @param {Model} model @param {Painter} painter @param {Pictures} pictures
 * @returns {import("./rows.js").RowWithoutPlace}
 */
export function picturesRow(model, painter, { thumbnails, film }) {
  const height = PICTURES - 7;
  const video = model.state.source?.video;
  const imageWidth = Math.min(160, height * ((video?.width || 16) / (video?.height || 9)));
  const paint = (/** @type {CanvasRenderingContext2D} */ context, /** @type {number} */ top) => {
    const { perSegment, viewport, colors } = painter;
    const fitting = 2 ** Math.ceil(Math.log2(imageWidth / Math.max(perSegment, 1e-6)));
    const stride = perSegment >= 24 ? 1 : Math.max(painter.stride, fitting);
    for (let at = Math.floor(painter.first / stride) * stride; at <= painter.last; at += stride) {
      const end = Math.min(at + stride, model.starts.length);
      const x = viewport.x(model.starts[at]);
      const width = viewport.x(model.ends[end - 1]) - x - 1;
      if (x + width < HEADER) continue;
      const segment = model.segments[at];
      context.globalAlpha = painter.shade(model, at, end);
      context.fillStyle = colors.clip;
      context.fillRect(x, top + 3, width, height);
      if (segment.kind === "gap" && stride === 1) paintGap(context, painter, x, top + 3, width, height);
      const image = thumbnails.get(segment);
      const room = Math.min(width, imageWidth);
      paintImage(context, image, x, top + 3, room, height, imageWidth);
      // Several segments share a place that is wider than one picture: those further on fill it.
      for (let left = imageWidth; stride > 1 && left < width; left += imageWidth) {
        const other = model.segments[Math.min(end - 1, at + Math.floor((left / width) * stride))];
        const rest = Math.min(imageWidth, width - left);
        paintImage(context, thumbnails.get(other), x + left, top + 3, rest, height, imageWidth);
      }
      if (image && room >= MIN_OUTLINED) paintFaces(context, faceBoxes(segment), x, top + 3, room, height, imageWidth);
      if (stride === 1 && width > imageWidth + 1 && film.hasFilm && segment.kind !== "gap") {
        const bounds = { x, width, start: model.starts[at], end: model.ends[at] };
        paintFilm(context, film, viewport, bounds, { top: top + 3, height, imageWidth });
      }
      if (stride === 1 && width > imageWidth + 40) paintName(context, painter, segment.segment, x, width, top + 3);
      if (segment.status === "failed") {
        context.fillStyle = colors.bad;
        context.fillRect(x, top + 3, width, 3);
      }
      context.globalAlpha = 1;
    }
  };
  const textAt = (/** @type {number} */ at) => `${model.segments[at].segment}, ${model.segments[at].transition}`;
  return { name: "Picture", height: PICTURES, paint, textAt };
}

/**
 * Paint stills side by side, from the second place on: the first has the thumbnail.
 *
 * @param {CanvasRenderingContext2D} context @param {import("./filmstrip.js").Filmstrip} film
 * @param {import("./viewport.js").Viewport} viewport
 * @param {{x: number, width: number, start: number, end: number}} bounds of the segment, in pixels and in seconds
 * @param {{top: number, height: number, imageWidth: number}} place
 */
function paintFilm(context, film, viewport, bounds, { top, height, imageWidth }) {
  const { x, width, start, end } = bounds;
  const last = Math.min(x + width, viewport.width);
  const firstVisible = Math.max(1, Math.floor((HEADER - x) / imageWidth));
  for (let place = firstVisible; x + place * imageWidth < last; place += 1) {
    const left = x + place * imageWidth;
    const room = Math.min(imageWidth, x + width - left);
    const frame = film.get(timeInside(viewport.seconds(left + room / 2), start, end), height);
    if (!frame) continue;
    const part = (room / imageWidth) * frame.width;
    context.drawImage(frame, (frame.width - part) / 2, 0, part, frame.height, left, top, room, height);
  }
}

/**
 * The quarter of a second nearest to `seconds`, but inside the segment.
 *
 * @param {number} seconds @param {number} start @param {number} end
 */
function timeInside(seconds, start, end) {
  const time = Math.round(seconds * GRID) / GRID;
  return Math.min(Math.max(time, start + EDGE_SECONDS), Math.max(start, end - EDGE_SECONDS));
}

/** Paint the name of a segment over its pictures. */
function paintName(
  /** @type {CanvasRenderingContext2D} */ context,
  /** @type {Painter} */ painter,
  /** @type {string} */ name,
  /** @type {number} */ x,
  /** @type {number} */ width,
  /** @type {number} */ top,
) {
  const left = Math.max(x, HEADER);
  if (x + width - left < 48) return;
  context.fillStyle = painter.colors.track;
  context.globalAlpha *= 0.72;
  context.fillRect(left, top, context.measureText(name).width + 10, 16);
  context.globalAlpha /= 0.72;
  painter.label(context, name, x, width, top + 8);
}

/**
 * Paint the middle of an image, if it has arrived.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {HTMLImageElement | null} image
 * @param {number} x
 * @param {number} top
 * @param {number} width @param {number} height @param {number} fullWidth width of the whole image at this height
 */
function paintImage(context, image, x, top, width, height, fullWidth) {
  if (!image) return;
  const part = (width / fullWidth) * image.naturalWidth;
  context.drawImage(image, (image.naturalWidth - part) / 2, 0, part, image.naturalHeight, x, top, width, height);
}

/**
 * Outline the faces in a thumbnail, of which the middle is shown.
 *
 * @param {CanvasRenderingContext2D} context @param {import("./faces.js").Box[]} boxes @param {number} x
 * @param {number} top @param {number} width @param {number} height
 * @param {number} fullWidth width of the whole image at this height
 */
function paintFaces(context, boxes, x, top, width, height, fullWidth) {
  if (!boxes.length) return;
  context.save();
  context.beginPath();
  context.rect(x, top, width, height);
  context.clip();
  const left = x - (fullWidth - width) / 2;
  for (const [color, line] of /** @type {const} */ ([
    ["#000c", 3],
    ["#ffd479", 1.25],
  ])) {
    context.strokeStyle = color;
    context.lineWidth = line;
    for (const [atX, atY, wide, high] of boxes) {
      context.strokeRect(left + atX * fullWidth, top + atY * height, wide * fullWidth, high * height);
    }
  }
  context.restore();
}

/**
 * Hatch the time in which a live source sent nothing.
 *
 * @param {CanvasRenderingContext2D} context @param {Painter} painter @param {number} x @param {number} top
 * @param {number} width @param {number} height
 */
function paintGap(context, painter, x, top, width, height) {
  context.save();
  context.beginPath();
  context.rect(x, top, width, height);
  context.clip();
  context.strokeStyle = painter.colors.faint;
  context.beginPath();
  for (let at = Math.max(x, HEADER) - height; at < Math.min(x + width, painter.viewport.width); at += 7) {
    context.moveTo(at, top + height);
    context.lineTo(at + height, top);
  }
  context.stroke();
  context.restore();
  painter.label(context, "No signal", x, width, top + height / 2, painter.colors.muted);
}
