/** The segment under the playhead: what was said of it, why, and what was measured; corrected in place. */

import { byId, el } from "./dom.js";
import { clockOf, lengthText, timecode } from "./timecode.js";

/** @typedef {import("./streamtags.js").SegmentState} SegmentState */

const GROUPS = [
  ["Picture", ["brightness_percent", "contrast_percent", "saturation_percent", "warmth", "colourfulness", "dark_share", "bright_share"]],
  ["Movement", ["camera", "camera_confidence", "motion_percent_per_second", "subject_motion_percent_per_second", "pan_percent_width_per_second",
    "tilt_percent_height_per_second", "zoom_percent_per_second", "shake_percent_per_second", "shot_seconds", "cuts_per_minute"]],
  ["Sound", ["loudness_lufs", "loudness_max_momentary_lufs", "peak_dbfs", "silence_share", "speech_share", "onsets_per_second", "tempo_bpm",
    "tempo_confidence", "spectral_centroid_hz"]],
  ["Estimates", ["arousal_estimate", "valence_estimate"]],
];

/** Units as they end a measure's name, the longest first. */
const UNITS = [
  ["_percent_width_per_second", " %/s"], ["_percent_height_per_second", " %/s"], ["_percent_per_second", " %/s"], ["_per_second", " /s"],
  ["_per_minute", " /min"], ["_percent", " %"], ["_seconds", " s"], ["_lufs", " LUFS"], ["_dbfs", " dBFS"], ["_bpm", " bpm"], ["_hz", " Hz"],
  ["_estimate", ""],
];

/**
 * @typedef {{tags?: import("./streamtags.js").TagScore[], untag?: string[], caption?: string}} Change
 */

export class Details {
  /** @param {{correct: (segment: string, change: Change) => Promise<void>, colorOf: (tag: string) => string}} options */
  constructor({ correct, colorOf }) {
    this._box = byId("inspector");
    this._correct = correct;
    this._colorOf = colorOf;
    /** @type {SegmentState | null} */
    this._shown = null;
    this._editing = false;
    this._editor = false;
  }

  /** Draw the next anew, even if it is the same. */
  forget() {
    if (!this._editing) this._shown = null;
  }

  /** Show nothing. */
  clear() {
    this._editing = false;
    this.forget();
    this._box.replaceChildren(el("p", { class: "hint", text: "What happens under the playhead is shown here." }));
  }

  /** @param {SegmentState} segment @param {import("./model.js").Model} model @param {boolean} editor may correct */
  show(segment, model, editor) {
    const same = segment.segment === this._shown?.segment;
    if (segment === this._shown && editor === this._editor) return;
    if (same && (this._editing || this._box.querySelector(".add input:focus"))) return; // a person is typing
    this._shown = segment;
    this._editor = editor;
    this._editing = false;
    const at = this._box.scrollTop;
    this._box.replaceChildren(...this._parts(segment, model, editor).filter((part) => part !== null));
    this._box.scrollTop = same ? at : 0;
  }

  /** Open the caption for editing. */
  edit() {
    this._box.querySelector(".edit-caption")?.click();
  }

  /** @param {SegmentState} segment @param {import("./model.js").Model} model @param {boolean} editor @returns {(HTMLElement | null)[]} */
  _parts(segment, model, editor) {
    const clock = clockOf(model.state.source?.video);
    const start = segment.start.seconds - model.origin;
    const end = segment.end.seconds - model.origin;
    const kind = { gap: "nothing received", slice: `slice of shot ${segment.shot + 1}`, shot: `shot ${segment.shot + 1}` }[segment.kind];
    if (segment.kind === "gap") {
      return [
        el("div", { class: "lead" }, el("b", { text: `Segment ${segment.index + 1}` }), el("span", { class: "muted", text: "gap" })),
        el("p", { class: "mono muted bounds", text: `${segment.start.timecode} – ${segment.end.timecode}   ${lengthText(end - start)}` }),
        el("p", { class: "caption muted", text: segment.reasoning || "Nothing was received here." }),
      ];
    }
    return [
      el("div", { class: "lead" }, el("b", { text: `Segment ${segment.index + 1}` }), el("span", { class: "muted", text: `${kind}, ${segment.transition}, ${segment.status}` })),
      el("p", { class: "mono muted bounds", text: `${segment.start.timecode ?? timecode(clock, start)} – ${segment.end.timecode ?? timecode(clock, end)}   ${lengthText(end - start)}` }),
      segment.error && el("p", { class: "failure", role: "alert", text: `${segment.error.stage} failed: ${segment.error.message}` }),
      ...this._caption(segment, editor),
      el("h3", { text: "Tags" }),
      this._tags(segment, editor),
      editor ? this._adder(segment) : null,
      segment.key_information.length ? el("h3", { text: "Key information" }) : null,
      segment.key_information.length ? el("ul", { class: "facts" }, ...segment.key_information.map((fact) => el("li", { text: fact }))) : null,
      segment.reasoning ? el("h3", { text: "Reasoning" }) : null,
      segment.reasoning ? el("p", { text: segment.reasoning }) : null,
      segment.text ? el("h3", { text: "Said in the source" }) : null,
      segment.text ? el("p", { text: segment.text }) : null,
      ...evidenceParts(segment.evidence),
    ];
  }

  /** @param {SegmentState} segment @param {boolean} editor @returns {HTMLElement[]} */
  _caption(segment, editor) {
    const edit = editor ? el("button", { class: "edit-caption", text: "Edit", title: "Edit the caption (E)", on: { click: () => this._open(segment) } }) : null;
    const said = el("p", { class: segment.caption === null ? "caption muted" : "caption", text: segment.caption ?? "Not captioned yet." });
    const by = segment.caption_model ? el("p", { class: "by", text: segment.caption_model === "person" ? `by ${segment.correction?.by ?? "a person"}` : segment.caption_model }) : null;
    this._captionBox = el("div", {}, said, by);
    return [el("h3", {}, "Caption", edit), this._captionBox];
  }

  /** @param {SegmentState} segment */
  _open(segment) {
    this._editing = true;
    const text = el("textarea", { value: segment.caption ?? "", maxLength: 4096, "aria-label": "Caption" });
    const close = () => {
      this._editing = false;
      this._shown = null;
      byId("timeline").focus();
      this._box.dispatchEvent(new CustomEvent("stale", { bubbles: true }));
    };
    const save = async () => {
      const caption = text.value.trim();
      if (caption && caption !== segment.caption) await this._correct(segment.segment, { caption });
      close();
    };
    text.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close();
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save();
    });
    this._captionBox?.replaceChildren(text, el("div", { class: "row" },
      el("button", { class: "primary", text: "Save", title: "Ctrl+Enter", on: { click: save } }),
      el("button", { text: "Discard", title: "Escape", on: { click: close } })));
    text.focus();
  }

  /** @param {SegmentState} segment @param {boolean} editor */
  _tags(segment, editor) {
    if (!segment.tags.length) return el("p", { class: "muted", text: segment.status === "tagged" ? "No tag fits well enough." : "Not tagged yet." });
    const persons = new Set(segment.correction?.tags.map((score) => score.tag));
    return el("ul", { class: "tags" }, ...segment.tags.map(({ tag, confidence }) => {
      const fill = el("i");
      fill.style.width = `${confidence * 100}%`;
      fill.style.background = this._colorOf(tag);
      return el("li", { class: persons.has(tag) ? "person" : "" },
        el("span", { class: "name", text: tag, title: persons.has(tag) ? `${tag}, set by ${segment.correction?.by}` : tag }),
        el("span", { class: "bar", "aria-hidden": "true" }, fill),
        el("output", { text: confidence.toFixed(2) }),
        editor && el("button", { text: "×", "aria-label": `Remove ${tag}`, title: `Remove ${tag}`, on: { click: () => this._correct(segment.segment, { untag: [tag] }) } }));
    }));
  }

  /** @param {SegmentState} segment */
  _adder(segment) {
    const name = el("input", { type: "text", placeholder: "Add a tag", "aria-label": "Add a tag", list: "tag-names", maxLength: 200 });
    const add = async () => {
      const tag = name.value.trim();
      if (!tag) return;
      name.value = "";
      name.blur();
      await this._correct(segment.segment, { tags: [{ tag, confidence: 1 }] });
    };
    name.addEventListener("keydown", (event) => { if (event.key === "Enter") add(); });
    return el("div", { class: "add" }, name, el("button", { text: "Add", on: { click: add } }));
  }
}

/** @param {Object<string, any> | null} evidence @returns {HTMLElement[]} */
function evidenceParts(evidence) {
  if (!evidence) return [];
  const known = new Set(["palette", ...GROUPS.flatMap(([, names]) => names)]);
  const others = Object.keys(evidence).filter((name) => !known.has(name));
  /** @type {HTMLElement[]} */
  const parts = [];
  for (const [title, names] of [...GROUPS, ["Other", others]]) {
    const told = /** @type {string[]} */ (names).filter((name) => evidence[name] !== null && evidence[name] !== undefined && typeof evidence[name] !== "object");
    if (!told.length) continue;
    parts.push(el("h3", { text: /** @type {string} */ (title) }));
    if (title === "Picture" && Array.isArray(evidence.palette)) parts.push(paletteBar(evidence.palette));
    parts.push(el("dl", { class: "evidence" }, ...told.flatMap((name) => {
      const [label, unit] = labeled(name);
      const value = evidence[name];
      const text = typeof value === "number" ? `${Number(value.toPrecision(3)).toLocaleString("en")}${unit}` : String(value).replaceAll("_", " ");
      return [el("dt", { text: label }), el("dd", { text })];
    })));
  }
  return parts;
}

/** @param {{name: string, hex: string, share: number}[]} palette */
function paletteBar(palette) {
  return el("div", { class: "palette", role: "img", "aria-label": `Palette: ${palette.map((color) => color.name).join(", ")}` }, ...palette.map((color) => {
    const swatch = el("span", { title: `${color.name} ${Math.round(color.share * 100)} %` });
    swatch.style.background = /^#[0-9a-f]{6}$/i.test(color.hex) ? color.hex : "none";
    swatch.style.flexGrow = String(Math.max(0.02, color.share));
    return swatch;
  }));
}

/** A measure's name in words, and its unit. @param {string} name @returns {[string, string]} */
function labeled(name) {
  const [suffix, unit] = UNITS.find(([end]) => name.endsWith(end)) ?? ["", ""];
  const words = name.slice(0, name.length - suffix.length).replaceAll("_", " ");
  return [words.charAt(0).toUpperCase() + words.slice(1), unit];
}
