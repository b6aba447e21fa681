/** Search over the shots of all timelines: a field in the header, and the results as stills over the open timeline. */

import { byId, counted, el, on } from "./dom.js";
import { thumbnailUrl } from "./thumbnails.js";
import { wordsOf } from "./filter.js";

/** @typedef {import("./model.js").Vocabulary} Vocabulary */
/**
 * @typedef {object} Result
 * @property {string} timeline
 * @property {string} name of the timeline
 * @property {string} segment
 * @property {{timecode: string}} start
 * @property {{timecode: string}} end
 * @property {string | null} caption
 * @property {{field: string, text: string}[]} matched
 */

const TYPING_MS = 250; // of silence, after which what was typed is searched for
const TOP = 60;

export class Search {
  /**
   * @param {import("./streamtags.js").StreamtagsClient} client
   * @param {object} context
   * @param {() => string} context.timeline the open timeline, "" if there is none
   * @param {(timeline: string, segment: string) => void} context.open
   * @param {() => void} context.leave gives the keys back to the open timeline
   */
  constructor(client, context) {
    this._client = client;
    this._context = context;
    /** What to search for, "" for nothing: the answer to something else is dropped. */
    this._wanted = "";
    /** What the results are for: Enter does not open those of other words. */
    this._searched = "";
    /** Whether a search is under way: the next one waits for its answer, because a connection may have few requests. */
    this._isSearching = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this._typing = undefined;
    /** @type {Result[]} */
    this._results = [];
    this._active = -1;
    on("search", "input", () => this._soon());
    on("search", "focus", () => {
      if (this._isCurrent) this._show(byId("search").value.trim() !== "");
      else this._run();
    });
    on("search", "keydown", (event) => this._key(event));
    on("results", "keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
    on("search-close", "click", () => this.close());
    for (const id of ["search-tag", "search-axis", "search-confidence", "search-here"]) {
      on(id, "change", () => this._run());
    }
  }

  /** Offer the tags and axes of the known vocabularies. @param {readonly Vocabulary[]} vocabularies */
  offer(vocabularies) {
    const tags = unique(vocabularies.flatMap((one) => one.tags.map((tag) => tag.name)));
    byId("search-tags").replaceChildren(...tags.map((value) => el("option", { value })));
    const { value } = byId("search-axis");
    const axes = unique(vocabularies.flatMap((one) => one.axes));
    const options = axes.map((axis) => el("option", { value: axis, text: axis }));
    byId("search-axis").replaceChildren(el("option", { value: "", text: "any" }), ...options);
    byId("search-axis").value = axes.includes(value) ? value : "";
  }

  /** Whether the results are for what the fields say. */
  get _isCurrent() {
    return this._searched === JSON.stringify(this._params());
  }

  /** Hide the results; what was typed stays. */
  close() {
    clearTimeout(this._typing);
    this._wanted = ""; // an answer under way does not show them again
    this._show(false);
    byId("search").blur();
    if (this._context.timeline()) this._context.leave();
  }

  /** @param {boolean} isShown */
  _show(isShown) {
    byId("results").hidden = !isShown;
    byId("search").setAttribute("aria-expanded", String(isShown));
    byId("search-here").disabled = !this._context.timeline();
  }

  _soon() {
    clearTimeout(this._typing);
    this._activate(-1); // it was chosen among the results for other words
    byId("search-status").textContent = "Searching…";
    this._typing = setTimeout(() => this._run(), TYPING_MS);
  }

  _params() {
    const tag = byId("search-tag").value.trim();
    const axis = byId("search-axis").value;
    const confidence = Number(byId("search-confidence").value) || 0;
    const here = byId("search-here").checked && this._context.timeline();
    return {
      q: byId("search").value.trim(),
      top: TOP,
      ...(tag && { tag: [tag] }),
      ...(axis && { axis }),
      ...(confidence > 0 && { min_confidence: Math.min(1, confidence) }),
      ...(here && { timeline: [here] }),
    };
  }

  _run() {
    clearTimeout(this._typing);
    const params = this._params();
    this._wanted = JSON.stringify(params);
    byId("search-error").textContent = "";
    if (!params.q) {
      this._finish([], "");
      this._show(false);
      return;
    }
    this._show(true);
    byId("search-status").textContent = "Searching…";
    if (!this._isSearching) this._request(params);
  }

  /** @param {{q: string, top: number}} params */
  async _request(params) {
    const wanted = this._wanted;
    const isCurrent = () => wanted === this._wanted && wanted === JSON.stringify(this._params());
    this._isSearching = true;
    try {
      const { results } = await this._client.request("segments.search", params);
      const more = results.length === TOP ? "The best " : "";
      const status = `${more}${counted(results.length, "shot")}`;
      const none = "No shot fits. Try other words, or fewer conditions.";
      if (isCurrent()) this._finish(results, results.length ? status : none);
    } catch (error) {
      if (isCurrent()) this._finish([], "", /** @type {Error} */ (error).message);
    }
    this._isSearching = false;
    if (this._wanted && wanted !== this._wanted) this._run();
  }

  /** Show the answer to what is wanted. @param {Result[]} results @param {string} status @param {string} [error] */
  _finish(results, status, error = "") {
    this._searched = error ? "" : this._wanted;
    this._draw(results);
    byId("search-status").textContent = status;
    byId("search-error").textContent = error;
  }

  /** @param {Result[]} results */
  _draw(results) {
    this._results = results;
    const words = wordsOf(byId("search").value);
    byId("search-list").replaceChildren(...results.map((result, at) => this._option(result, at, words)));
    byId("search-list").scrollTop = 0;
    this._activate(-1);
  }

  /** @param {Result} result @param {number} at @param {string[]} words */
  _option(result, at, words) {
    const base = `v1/timelines/${encodeURIComponent(result.timeline)}`;
    const still = el("img", { alt: "", loading: "lazy", src: thumbnailUrl(base, result.segment) });
    still.addEventListener("error", () => still.classList.add("missing"));
    const [match] = result.matched;
    const text = match?.text ?? result.caption ?? "Not captioned.";
    const props = {
      id: `search-${at}`,
      role: "option",
      "aria-selected": "false",
      title: `${result.name}\n${result.caption ?? ""}`,
      on: { click: () => this._open(at), pointermove: () => this._activate(at) },
    };
    return el(
      "div",
      props,
      still,
      el("span", { class: "mono", text: `${result.start.timecode} – ${result.end.timecode}` }),
      el("b", { text: result.name }),
      el("span", { class: "muted" }, el("code", { text: result.segment }), match ? ` ${match.field}` : ""),
      el("p", {}, ...marked(text, words)),
    );
  }

  /** @param {number} at -1 for none */
  _activate(at) {
    const options = byId("search-list").children;
    options[this._active]?.setAttribute("aria-selected", "false");
    this._active = at;
    const active = options[at];
    active?.setAttribute("aria-selected", "true");
    if (active) byId("search").setAttribute("aria-activedescendant", active.id);
    else byId("search").removeAttribute("aria-activedescendant");
  }

  /** @param {number} at */
  _open(at) {
    const result = this._results[at];
    if (!result) return;
    this.close();
    this._context.open(result.timeline, result.segment);
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    if (event.key === "Enter") {
      event.preventDefault();
      const isShown = !byId("results").hidden && (this._isCurrent || this._active >= 0);
      if (isShown && this._results.length) this._open(Math.max(0, this._active));
      else this._run();
      return;
    }
    if (event.key === "Escape") {
      event.preventDefault(); // else the browser empties the field
      this.close();
      return;
    }
    const next = this._after(event.key);
    if (next === null || !this._results.length) return;
    event.preventDefault();
    this._show(true);
    this._activate(next);
    byId("search-list").children[next]?.scrollIntoView({ block: "nearest" });
  }

  /** The result that an arrow key leads to, null if it leads to none. @param {string} key */
  _after(key) {
    const last = this._results.length - 1;
    if (this._active < 0) return key === "ArrowDown" ? 0 : null; // the other arrows move in the text
    const columns = columnsOf(/** @type {HTMLElement[]} */ ([...byId("search-list").children]));
    const step = { ArrowDown: columns, ArrowUp: -columns, ArrowRight: 1, ArrowLeft: -1 }[key];
    if (!step) return null;
    const next = this._active + step;
    if (next < 0) return -1; // back to the field
    return next > last ? this._active : next;
  }
}

/** How many results stand side by side. @param {HTMLElement[]} options */
function columnsOf(options) {
  const other = options.findIndex((one) => one.offsetTop !== options[0].offsetTop);
  return other < 0 ? Math.max(1, options.length) : other;
}

/** @param {string[]} names */
function unique(names) {
  return [...new Set(names)].sort((one, two) => one.localeCompare(two));
}

/**
 * `text` with the words marked.
 *
 * @param {string} text @param {string[]} words in lower case @returns {(Node | string)[]}
 */
function marked(text, words) {
  /** @type {(Node | string)[]} */
  const parts = [];
  const lower = text.toLowerCase();
  let from = 0;
  while (from < text.length) {
    const next = words
      .map((word) => ({ word, at: lower.indexOf(word, from) }))
      .filter(({ at }) => at >= 0)
      .sort((one, two) => one.at - two.at)[0];
    if (!next || lower.length !== text.length) break; // a letter whose lower case is longer: nothing is marked
    parts.push(text.slice(from, next.at), el("mark", { text: text.slice(next.at, next.at + next.word.length) }));
    from = next.at + next.word.length;
  }
  return [...parts, text.slice(from)];
}
