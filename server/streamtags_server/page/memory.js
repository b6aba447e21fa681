/** Small settings that the browser remembers for this page. A browser may refuse to; the page then works without. */

const PREFIX = "streamtags.";

/** @param {string} name @returns {string} "" if nothing is remembered */
export function recall(name) {
  try {
    return localStorage.getItem(PREFIX + name) ?? "";
  } catch {
    return ""; // storage is disabled
  }
}

/** @param {string} name @param {string} value "" forgets it */
export function remember(name, value) {
  try {
    if (value) localStorage.setItem(PREFIX + name, value);
    else localStorage.removeItem(PREFIX + name);
  } catch {
    // storage is disabled or full: nothing is remembered
  }
}
