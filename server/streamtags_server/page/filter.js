/** The filter of the timeline: words, all of which a segment must have, axis, confidence and what is heard. Pure. */

import { has } from "./heard.js";

/**
 * `axis` "" is every axis; `heard` is "", "dialogue" or "music".
 *
 * @typedef {{text: string, axis: string, confidence: number, heard: string}} Filter
 */

/** Split what a person typed into words; `"high energy"` in quotes is one. @param {string} text @returns {string[]} */
export function wordsOf(text) {
  const parts = text.toLowerCase().match(/"[^"]*"?|\S+/g) ?? [];
  return parts.map((part) => part.replaceAll('"', "").trim()).filter(Boolean);
}

/** Whether the filter leaves out anything. @param {Filter} filter */
export function isActive(filter) {
  return filter.text.trim() !== "" || filter.axis !== "" || filter.confidence > 0 || filter.heard !== "";
}

/**
 * Return whether a segment passes: each word is in its id, caption, text or one of the selected tags; and it has a
 * selected tag,
 * if only an axis or a confidence is chosen; and what is heard in it, if that is chosen.
 *
 * @param {import("./streamtags.js").SegmentState} segment
 * @param {readonly string[]} tags lower-case names of its tags that pass axis and confidence
 * @param {readonly string[]} words @param {Filter} filter
 */
export function passes(segment, tags, words, filter) {
  if (filter.heard !== "" && !has(segment, filter.heard)) return false;
  if (filter.axis !== "" && tags.length === 0) return false;
  if (words.length === 0) return filter.confidence === 0 || tags.length > 0;
  const texts = [segment.segment, segment.caption ?? "", segment.text].map((text) => text.toLowerCase());
  return words.every((word) => [...texts, ...tags].some((text) => text.includes(word)));
}
