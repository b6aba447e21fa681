/** The faces of segments. Pure. */

/** @typedef {[number, number, number, number]} Box x, y, width and height in shares of the picture */

/** The faces in the thumbnail of a segment, without what is no box. @param {any} segment @returns {Box[]} */
export function faceBoxes(segment) {
  const boxes = segment.answers?.faces?.boxes;
  if (!Array.isArray(boxes)) return [];
  return boxes.filter((box) => Array.isArray(box) && box.length === 4 && box.every(isShare));
}

/** @param {unknown} part */
function isShare(part) {
  return typeof part === "number" && part >= 0 && part <= 1;
}
