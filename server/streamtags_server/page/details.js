/** The segment under the playhead: its caption and tags, which a person can correct here, and what was measured. */

import { byId, el } from "./dom.js";
import { evidenceParts } from "./evidence.js";
import { answerText } from "./model.js";
import { TagInput } from "./tag_input.js";
import { clockOf, lengthText, timecode } from "./timecode.js";

/** @typedef {import("./streamtags.js").SegmentState} SegmentState */
/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./corrections.js").Corrections} Corrections */

const MAX_CAPTION = 4096;

export class Details {
  /**
   * @param {Corrections} corrections
   * @param {object} context
   * @param {(tag: string) => string} context.colorOf
   * @param {() => import("./info.js").Info} context.info
   * @param {() => Promise<readonly string[]>} context.tagNames
   * @param {import("./scenes.js").Scenes} context.scenes
   * @param {() => void} context.leave gives the keys back to the timeline
   */
  constructor(corrections, context) {
    this._box = byId("inspector");
    this._corrections = corrections;
    this._context = context;
    /** @type {SegmentState | null} */
    this._shown = null;
    this._isStale = false;
    this._scene = "";
    this._isEditor = false;
    // The segment that stayed while a person typed may be another than the one under the playhead.
    this._box.addEventListener("focusout", () => setTimeout(() => this._askForSegment()));
  }

  /** Draw the next segment again, even if it is the same. */
  forget() {
    this._isStale = true;
  }

  clear() {
    this._shown = null;
    this._box.replaceChildren(el("p", { class: "hint", text: "The segment under the playhead is shown here." }));
  }

  /** @param {SegmentState} segment @param {Model} model @param {boolean} isEditor whether this person may correct */
  show(segment, model, isEditor) {
    const isSame = segment.segment === this._shown?.segment;
    const scene = this._context.scenes.keyOf(segment, model);
    const isKnown = segment === this._shown && scene === this._scene && isEditor === this._isEditor;
    if (isKnown && !this._isStale) return;
    if (this._shown && this._isTyping()) return; // what a person types is for the segment that it was begun for
    this._shown = segment;
    this._isStale = false;
    this._scene = scene;
    this._isEditor = isEditor;
    const scrolled = this._box.scrollTop;
    this._box.replaceChildren(...this._parts(segment, model).filter((part) => part !== null));
    this._box.scrollTop = isSame ? scrolled : 0;
  }

  _askForSegment() {
    this._box.dispatchEvent(new CustomEvent("stale", { bubbles: true }));
  }

  _isTyping() {
    const caption = this._box.querySelector("textarea");
    if (caption && caption.value !== caption.defaultValue) return true;
    return this._box.querySelector("textarea:focus, .add :focus, .add input:read-only") !== null;
  }

  /** Go to the field for a tag. */
  startTag() {
    this._box.querySelector(".add input")?.focus();
  }

  /** Open the caption for editing. */
  edit() {
    this._box.querySelector(".edit-caption")?.click();
  }

  /** @param {SegmentState} segment @param {Model} model @returns {(HTMLElement | null)[]} */
  _parts(segment, model) {
    if (segment.kind === "gap") {
      const reason = segment.reasoning || "Nothing was received here.";
      return [...headParts(segment, model, "gap"), el("p", { class: "caption muted", text: reason })];
    }
    const kind = segment.kind === "slice" ? `slice of shot ${segment.shot + 1}` : `shot ${segment.shot + 1}`;
    const { error } = segment;
    return [
      ...headParts(segment, model, `${kind}, ${segment.transition}, ${segment.status}`),
      ...this._context.scenes.parts(segment, model, this._isEditor),
      error && el("p", { class: "failure", role: "alert", text: `${error.stage} failed: ${error.message}` }),
      ...this._captionParts(segment),
      el("h3", { text: "Tags" }),
      this._tagsPart(segment),
      this._isEditor ? this._adder(segment) : null,
      this._isEditor && segment.correction ? this._resetter(segment) : null,
      ...listParts("Key information", segment.key_information),
      ...textParts("Reasoning", segment.reasoning),
      ...textParts("Text of the source", segment.text),
      ...answerParts(segment, this._context.info()),
      ...evidenceParts(segment.evidence, this._context.info()),
    ];
  }

  /** @param {SegmentState} segment @returns {HTMLElement[]} */
  _captionParts(segment) {
    const { caption, caption_model: model } = segment;
    const props = {
      class: "edit-caption",
      text: "Edit",
      title: "Edit the caption (E)",
      on: { click: () => this._openEditor(segment) },
    };
    const text = el("p", {
      class: caption === null ? "caption muted" : "caption",
      text: caption ?? "Not captioned yet.",
    });
    const author = model === "person" ? `by ${segment.correction?.by ?? "a person"}` : model;
    this._captionBox = el("div", {}, text, author && el("p", { class: "by", text: author }));
    return [el("h3", {}, "Caption", this._isEditor && el("button", props)), this._captionBox];
  }

  /** @param {SegmentState} segment */
  _openEditor(segment) {
    const text = el("textarea", {
      defaultValue: segment.caption ?? "",
      maxLength: MAX_CAPTION,
      "aria-label": "Caption",
    });
    const close = () => {
      this._shown = null;
      this._context.leave();
      this._askForSegment();
    };
    const save = async () => {
      if (text.readOnly) return; // it is being saved
      const caption = text.value.trim();
      text.readOnly = true;
      const isSaved = !caption || caption === segment.caption || (await this._corrections.setCaption(segment, caption));
      text.readOnly = false; // what could not be saved stays to be saved again
      if (isSaved && text.isConnected) close();
    };
    text.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close();
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save();
    });
    const buttons = el(
      "div",
      { class: "row" },
      el("button", { class: "primary", text: "Save", title: "Ctrl+Enter", on: { click: save } }),
      el("button", { text: "Discard", title: "Escape", on: { click: close } }),
    );
    this._captionBox?.replaceChildren(text, buttons);
    text.focus();
    text.setSelectionRange(text.value.length, text.value.length);
  }

  /** @param {SegmentState} segment */
  _tagsPart(segment) {
    if (!segment.tags.length) {
      return el("p", {
        class: "muted",
        text: segment.status === "tagged" ? "No tag fits well enough." : "Not tagged yet.",
      });
    }
    const bySomeone = new Set(segment.correction?.tags.map((score) => score.tag));
    return el(
      "ul",
      { class: "tags" },
      ...segment.tags.map((score) => this._tagItem(segment, score, bySomeone.has(score.tag))),
    );
  }

  /** @param {SegmentState} segment @param {import("./streamtags.js").TagScore} score @param {boolean} isPersons */
  _tagItem(segment, { tag, confidence, source }, isPersons) {
    const fill = el("i");
    fill.style.width = `${confidence * 100}%`;
    fill.style.background = this._context.colorOf(tag);
    const origin = isPersons ? `, set by ${segment.correction?.by}` : source ? `, from: ${source}` : "";
    const title = tag + origin;
    const remove = () => this._corrections.removeTag([segment], tag);
    return el(
      "li",
      { class: isPersons ? "person" : "" },
      el("span", { class: "name", title }, tag, source && el("small", { class: "muted", text: ` ${source}` })),
      el("span", { class: "bar", "aria-hidden": "true" }, fill),
      el("output", { text: confidence.toFixed(2) }),
      this._isEditor &&
        el("button", { text: "×", "aria-label": `Remove ${tag}`, title: `Remove ${tag}`, on: { click: remove } }),
    );
  }

  /** @param {SegmentState} segment */
  _resetter(segment) {
    const title = "Discard all corrections of this segment";
    const reset = () => this._corrections.reset(segment);
    return el("button", { class: "reset", text: "Return to the models' answer", title, on: { click: reset } });
  }

  /** @param {SegmentState} segment */
  _adder(segment) {
    const add = (/** @type {string} */ tag) => this._corrections.addTag([segment], tag);
    return new TagInput("Add a tag", this._context.tagNames, add, this._context.leave).element;
  }
}

/** @param {SegmentState} segment @param {Model} model @param {string} about @returns {HTMLElement[]} */
function headParts(segment, model, about) {
  const clock = clockOf(model.state.source?.video);
  const [start, end] = [segment.start, segment.end].map(
    (time) => time.timecode ?? timecode(clock, time.seconds - model.origin),
  );
  const length = lengthText(segment.end.seconds - segment.start.seconds);
  return [
    el(
      "div",
      { class: "lead" },
      el(
        "span",
        {},
        el("b", { text: `Segment ${segment.index + 1}` }),
        " ",
        el("code", { class: "muted", text: segment.segment }),
      ),
      el("span", { class: "muted about", text: about }),
    ),
    el("p", { class: "mono muted bounds", text: `${start} – ${end} · ${length}` }),
  ];
}

/** @param {string} title @param {string} text @returns {HTMLElement[]} */
function textParts(title, text) {
  return text ? [el("h3", { text: title }), el("p", { text })] : [];
}

/** @param {string} title @param {string[]} items @returns {HTMLElement[]} */
function listParts(title, items) {
  return items.length
    ? [el("h3", { text: title }), el("ul", { class: "facts" }, ...items.map((text) => el("li", { text })))]
    : [];
}

/** @param {any} segment @param {import("./info.js").Info} info @returns {HTMLElement[]} */
function answerParts(segment, info) {
  return Object.entries(segment.answers ?? {}).flatMap(([name, answer]) =>
    textParts(info.stageTitle(name), answerText(answer)),
  );
}
