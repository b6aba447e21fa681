/** Which tag a person meant. Pure. */

const MAX_DISTANCE = 0.4; // of the length of the longer name

/**
 * Return the name of `names` that equals `text` if case and spaces are ignored, or null.
 *
 * @param {string} text
 * @param {readonly string[]} names
 */
export function exactName(text, names) {
  const wanted = folded(text);
  return names.find((name) => folded(name) === wanted) ?? null;
}

/**
 * Return the name of `names` that is most like `text`, or null if none is.
 *
 * @param {string} text
 * @param {readonly string[]} names
 */
export function nearestName(text, names) {
  const wanted = folded(text);
  let best = null;
  let least = MAX_DISTANCE;
  for (const name of names) {
    const other = folded(name);
    const distance = editDistance(wanted, other) / Math.max(wanted.length, other.length, 1);
    if (distance < least) [best, least] = [name, distance];
  }
  return best;
}

/** @param {string} text */
function folded(text) {
  return text.normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean).join(" ");
}

/** Letters to insert, remove or replace to make `a` into `b` (Levenshtein). @param {string} a @param {string} b */
function editDistance(a, b) {
  let row = [...Array(b.length + 1).keys()];
  for (let at = 1; at <= a.length; at += 1) {
    const next = [at];
    for (let to = 1; to <= b.length; to += 1) {
      const replaced = row[to - 1] + Number(a[at - 1] !== b[to - 1]);
      next.push(Math.min(replaced, row[to] + 1, next[to - 1] + 1));
    }
    row = next;
  }
  return row[b.length];
}
