/** Wishes for tempo and energy, as words of the guide: "much slower", "a bit more energetic". Pure. */

/** The words of each wish: for less, and for more. */
const WORDS = { tempo: ["slower", "faster"], energy: ["calmer", "more energetic"] };
const DEGREES = ["", "a bit ", "", "much "];

/** How far a slider goes to either side: a bit, plain, much. */
export const MOST = 3;

/** @typedef {"tempo" | "energy"} Wish */

/**
 * What a position of a slider says, "" in the middle.
 *
 * @param {Wish} wish @param {number} position from -3 to 3
 */
export function wishText(wish, position) {
  const [less, more] = WORDS[wish];
  return position === 0 ? "" : `${DEGREES[Math.abs(position)]}${position < 0 ? less : more}`;
}

/**
 * The position of a slider that a guide contains, 0 if none.
 *
 * @param {string} guide @param {Wish} wish @returns {number}
 */
export function wishOf(guide, wish) {
  for (const clause of clausesOf(guide)) {
    for (let position = -MOST; position <= MOST; position += 1) {
      if (position && clause.toLowerCase() === wishText(wish, position)) return position;
    }
  }
  return 0;
}

/**
 * A guide with another position of a slider.
 *
 * @param {string} guide @param {Wish} wish @param {number} position
 */
export function withWish(guide, wish, position) {
  const others = clausesOf(guide).filter((clause) => wishOf(clause, wish) === 0);
  return [...others, wishText(wish, position)].filter(Boolean).join(", ");
}

/** @param {string} guide */
function clausesOf(guide) {
  return guide
    .split(/[,;\n]+/)
    .map((clause) => clause.trim().replace(/\s+/g, " "))
    .filter(Boolean);
}
