/** One cue in the panel: where it is, why, its hit points, and the tracks with what a person can decide. */

import { choicesOf, decisionText, fitOf, fitText, libraryOf } from "./cues.js";
import { counted, el } from "./dom.js";
import { lengthText } from "./timecode.js";
import { drawWave } from "./tracks.js";

const FEW_HITS = 4; // more are folded

/** @typedef {import("./cues.js").Entry} Entry */
/** @typedef {import("./cues.js").Choice} Choice */

/**
 * What a card can ask for.
 *
 * @typedef {object} CardActions
 * @property {(entry: Entry) => void} toggle
 * @property {(seconds: number) => void} seek seconds of the source
 * @property {(entry: Entry, choice: Choice) => void} audition
 * @property {(entry: Entry, decision: "accept" | "reject" | "swap" | "reset", choice?: Choice) => void} decide
 * @property {import("./tracks.js").Tracks} tracks
 */

/**
 * @param {Entry} entry @param {CardActions} actions @param {{isOpen: boolean, isEditor: boolean}} shown
 * @returns {HTMLElement}
 */
export function cueCard(entry, actions, { isOpen, isEditor }) {
  const { cue } = entry;
  const decided = decisionText(cue);
  const first = choicesOf(entry)[0]?.track;
  const head = el(
    "button",
    { class: "cue-head", "aria-expanded": String(isOpen), on: { click: () => actions.toggle(entry) } },
    el("b", { text: cue.cue }),
    el("span", { class: "badge", text: cue.usage }),
    el("span", { class: "mono", text: `${cue.start.timecode} – ${cue.end.timecode}` }),
    el("span", { class: "muted", text: lengthText(cue.end.seconds - cue.start.seconds) }),
    decided
      ? el("span", { class: `decided ${cue.decision}`, text: decided })
      : !isOpen && first && el("span", { class: "muted first", text: first.title }),
  );
  const card = el("article", { class: "cue", "aria-label": `Cue ${cue.cue}` }, head);
  card.dataset.cue = cue.cue;
  if (isOpen) card.append(...bodyParts(entry, actions, isEditor));
  return card;
}

/** @param {Entry} entry @param {CardActions} actions @param {boolean} isEditor @returns {HTMLElement[]} */
function bodyParts(entry, actions, isEditor) {
  const { cue, suggested } = entry;
  const wanted = cue.bpm ? `Wants ${cue.bpm[0].toFixed(0)} to ${cue.bpm[1].toFixed(0)} bpm` : "";
  /** @type {(HTMLElement | "")[]} */
  const parts = [el("p", { class: "reason", text: cue.reason }), wanted && el("p", { class: "muted", text: wanted })];
  const choices = choicesOf(entry);
  if (suggested?.guide) parts.push(el("p", { class: "muted guide", text: `Guide: ${suggested.guide}` }));
  parts.push(
    el("ol", { class: "cue-tracks" }, ...choices.map((choice) => trackItem(entry, choice, actions, isEditor))),
  );
  if (!choices.length && cue.usage !== "source" && cue.decision !== "rejected") {
    const text = suggested ? "No track of the library fits." : "Choose a library above to get suggestions.";
    parts.push(el("p", { class: "muted", text }));
  }
  if (isEditor) parts.push(cueButtons(entry, actions));
  if (cue.hits.length) parts.push(hitsPart(entry, actions));
  return /** @type {HTMLElement[]} */ (parts.filter(Boolean));
}

/** @param {Entry} entry @param {CardActions} actions */
function hitsPart({ cue }, actions) {
  const items = cue.hits.map(({ at, reason }) => {
    const go = () => actions.seek(at.seconds);
    const button = el("button", { class: "mono", text: at.timecode, title: "Go there", on: { click: go } });
    return el("li", {}, button, ` ${reason}`);
  });
  const summary = el("summary", { text: counted(cue.hits.length, "hit point") });
  return el("details", { open: items.length <= FEW_HITS }, summary, el("ul", { class: "hits" }, ...items));
}

/** @param {Entry} entry @param {CardActions} actions */
function cueButtons(entry, actions) {
  const { cue } = entry;
  const isTouched = cue.decision !== null || cue.rejected.length > 0;
  return el(
    "div",
    { class: "row" },
    cue.decision !== "rejected" &&
      cue.usage !== "source" &&
      el("button", { text: "No music here", on: { click: () => actions.decide(entry, "reject") } }),
    isTouched &&
      el("button", {
        class: "reopen",
        text: "Take back all decisions",
        title: "The cue is open again; its rejected tracks count again",
        on: { click: () => actions.decide(entry, "reset") },
      }),
  );
}

/** @param {Entry} entry @param {Choice} choice @param {CardActions} actions @param {boolean} isEditor */
function trackItem(entry, choice, actions, isEditor) {
  const { track, status } = choice;
  const fill = el("i");
  fill.style.width = `${track.score * 100}%`;
  const hear = el("button", {
    class: "hear",
    text: "▶",
    "aria-label": `Hear ${track.title} under the picture`,
    title: "Hear it under the picture, from the in point of the cue",
    on: { click: () => actions.audition(entry, choice) },
  });
  const item = el(
    "li",
    { class: `track ${status}` },
    el(
      "div",
      { class: "track-head" },
      hear,
      el(
        "span",
        { class: "name", title: track.track },
        el("b", { text: track.title }),
        track.artist && ` by ${track.artist}`,
      ),
      el("span", { class: "bar", "aria-hidden": "true" }, fill),
      el("output", { text: track.score.toFixed(2), title: "Compares tracks for this cue; it is no probability" }),
    ),
    wavePart(entry, choice, actions),
    el("ul", { class: "why" }, ...track.why.split("; ").map((text) => el("li", { text }))),
    fitText(track, entry.cue) && el("p", { class: "muted", text: fitText(track, entry.cue) }),
    isEditor && el("div", { class: "row" }, ...trackButtons(entry, choice, actions)),
  );
  item.dataset.track = track.track;
  item.dataset.library = libraryOf(entry, choice);
  return item;
}

/** @param {Entry} entry @param {Choice} choice @param {CardActions} actions */
function wavePart(entry, choice, actions) {
  const { track } = choice;
  const canvas = el("canvas", { class: "wave" });
  const line = el("i");
  const box = el(
    "div",
    { class: "wave-box", title: "Measured loudness of the track, not its samples; the bright part lies under the cue" },
    canvas,
    line,
  );
  actions.tracks.describe(libraryOf(entry, choice), track.track).then((description) => {
    if (!description) {
      box.dataset.unknown = ""; // a lost connection: the card is drawn again when it is back
      box.hidden = true;
      return;
    }
    const hear = box.parentElement?.querySelector(".hear");
    if (hear instanceof HTMLButtonElement && !description.has_audio) {
      hear.disabled = true;
      hear.title = "The library has no audio file of this track";
    }
    if (!description.curve.length || !description.seconds) {
      box.hidden = true;
      return;
    }
    box.dataset.seconds = String(description.seconds);
    // Cards are also made while the panel is hidden, where nothing has a width.
    new ResizeObserver(() => drawWave(canvas, description, fitOf(track, entry.cue))).observe(canvas);
  });
  return box;
}

/** @param {Entry} entry @param {Choice} choice @param {CardActions} actions @returns {HTMLElement[]} */
function trackButtons(entry, choice, actions) {
  const { status } = choice;
  const button = (
    /** @type {string} */ text,
    /** @type {"accept" | "reject" | "swap" | "reset"} */ decision,
    /** @type {string} */ title,
    name = "",
  ) => el("button", { class: name, text, title, on: { click: () => actions.decide(entry, decision, choice) } });
  if (status === "rejected") return [button("Take back", "reset", "It may be suggested again")];
  if (status === "chosen") {
    return [
      button("Take back", "reset", "The cue is open again"),
      button("Reject", "reject", "Tracks like it count less in the whole film"),
    ];
  }
  const accept = entry.cue.chosen
    ? button("Swap", "swap", "Reject the accepted track and take this one")
    : button("Accept", "accept", "Later suggestions leave the cue alone", "primary");
  return [button("Reject", "reject", "Tracks like it count less in the whole film"), accept];
}
