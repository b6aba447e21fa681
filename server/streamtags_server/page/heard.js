/** What was heard and said in segments: shares, names of the music, words. Pure. */

/** @typedef {import("./streamtags.js").SegmentState} SegmentState */
/** @typedef {{text: string, start: number, end: number}} Word seconds of the source */

/** The kinds of sound that have a lane, with the names of the lanes. */
export const SOUNDS = { speech: "Speech", singing: "Singing", music: "Music" };

const ENOUGH = 0.2; // share of a segment that counts as having it

/** The share of a kind of sound, 0 to 1. @param {any} segment @param {string} kind @returns {number} */
export function shareOf(segment, kind) {
  const share = segment.answers?.heard?.content?.[kind];
  return typeof share === "number" ? share : 0;
}

/** Whether a segment has dialogue or music. @param {any} segment @param {string} kind `dialogue` or `music` */
export function has(segment, kind) {
  if (kind === "music") return Math.max(shareOf(segment, "music"), shareOf(segment, "singing")) >= ENOUGH;
  return shareOf(segment, "speech") >= ENOUGH || linesOf(segment).length > 0;
}

/** The names of the music of a segment: instruments, then genres, then moods. @param {any} segment @returns {string} */
export function musicText(segment) {
  const music = segment.answers?.heard?.music;
  if (typeof music !== "object" || music === null) return "";
  const kinds = [music.instruments, music.genres, music.moods].map((tags) =>
    Array.isArray(tags) ? tags.map((tag) => tag?.label ?? "").join(", ") : "",
  );
  return kinds.filter(Boolean).join("; ");
}

/** @param {any} segment @returns {any[]} */
function linesOf(segment) {
  const lines = segment.answers?.transcribed?.lines;
  return Array.isArray(lines) ? lines.filter((line) => line?.text) : [];
}

/**
 * The words of a segment in order, line by line; a line without times of words is one word.
 *
 * @param {any} segment @returns {Word[][]}
 */
export function spokenLines(segment) {
  const tick = tickOf(segment);
  return linesOf(segment).map((line) => {
    const whole = { text: line.text, start: line.start?.seconds ?? 0, end: line.end?.seconds ?? 0 };
    if (!Array.isArray(line.words) || !line.words.length) return [whole];
    return line.words.map((/** @type {any} */ word) => ({
      text: word.text,
      start: word.start * tick,
      end: word.end * tick,
    }));
  });
}

/** Seconds of a tick of a segment's times. @param {any} segment @returns {number} */
export function tickOf(segment) {
  const [over, under] = segment.start.time_base.split("/").map(Number);
  return over / under;
}
