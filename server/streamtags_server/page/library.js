/** The list of timelines, and the dialog to analyze an address. */

import { arrange, byId, counted, el, on } from "./dom.js";
import { StreamtagsError } from "./streamtags.js";
import { thumbnailUrl } from "./thumbnails.js";
import { lengthText } from "./timecode.js";

const REFRESH_MS = 2000;
const PAGE = 100; // timelines that the list grows by
const MOST = 10000; // what the server lists in one answer
const NEAR_END = 400; // pixels

export class Library {
  /**
   * @param {import("./streamtags.js").StreamtagsClient} client
   * @param {import("./choices.js").Choices} choices
   * @param {() => void} changed called when the list says something else
   */
  constructor(client, choices, changed) {
    this._client = client;
    this._changed = changed;
    this._choices = choices;
    /** The vocabularies with a name, to name those of timelines. @type {readonly import("./model.js").Vocabulary[]} */
    this._vocabularies = [];
    this._open = "";
    this._text = "";
    /** @type {any[]} */
    this._timelines = [];
    /** How many timelines to list, those opened last; more when the list is scrolled to its end. */
    this._wanted = PAGE;
    this._hasMore = false;
    this._isLoading = false;
    /** Whether to load the list once more, because it was wanted again while it was being loaded. */
    this._isStale = false;
    /** @type {Map<string, {made: string, item: HTMLElement, link: HTMLElement}>} */
    this._items = new Map();
    /** Addresses that were given here, by timeline. @type {Map<string, string>} */
    this._addresses = new Map();
    client.addEventListener("open", () => {
      this._text = ""; // pictures that a lost connection left out are loaded again
      for (const known of this._items.values()) if (known.link.querySelector(".missing")) known.made = "";
      this.refresh();
    });
    setInterval(() => {
      if (!document.hidden && !this._isLoading) this.refresh();
    }, REFRESH_MS);
    byId("bin").addEventListener("scroll", () => this._grow(), { passive: true });
    on("timelines", "keydown", (event) => this._moveFocus(event));
    on("address-open", "click", () => byId("address").showModal());
    on("address-close", "click", () => byId("address").close());
    on("address-go", "click", () => this._analyze());
    on("uri", "keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Enter") this._analyze();
    });
  }

  /** What is known of a timeline before its source is. @param {string} id @returns {import("./live.js").Listed} */
  listed(id) {
    const { name = "", state = "" } = this._timelines.find((one) => one.id === id) ?? {};
    return { name: name || this._addresses.get(id) || "", state };
  }

  /** @param {readonly import("./model.js").Vocabulary[]} vocabularies */
  setVocabularies(vocabularies) {
    this._vocabularies = vocabularies;
    this._draw();
  }

  /** The arrow keys go from one timeline to the next. @param {KeyboardEvent} event */
  _moveFocus(event) {
    const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    const links = [...byId("timelines").querySelectorAll("a")];
    links[links.indexOf(document.activeElement) + way]?.focus();
  }

  async _analyze() {
    const uri = byId("uri").value.trim();
    if (!uri) return;
    byId("address-error").textContent = "";
    try {
      const { id } = await this._client.request("timelines.analyze", { uri, ...this._choices.given() });
      this._addresses.set(id, uri);
      byId("address").close();
      byId("uri").value = "";
      location.hash = `#/${id}`;
      this.refresh();
    } catch (error) {
      byId("address-error").textContent = /** @type {Error} */ (error).message;
    }
  }

  /** Mark the timeline that is open. @param {string} id */
  mark(id) {
    this._open = id;
    this._draw();
  }

  /** Load the list; one answer at a time, so that an older one never replaces a newer one. */
  async refresh() {
    if (this._client.role === null) return;
    this._isStale = this._isLoading;
    if (this._isLoading) return;
    this._isLoading = true;
    try {
      do {
        this._isStale = false;
        this._take(await this._client.request("timelines.list", { limit: this._wanted }));
      } while (this._isStale);
    } catch (error) {
      // A connection that was lost is shown by the header; the list is requested again when it is back.
      if (!(error instanceof StreamtagsError)) throw error;
    } finally {
      this._isLoading = false;
    }
  }

  /** @param {{timelines: any[], next: unknown}} answer */
  _take({ timelines, next }) {
    this._hasMore = next !== null;
    const text = JSON.stringify(timelines);
    if (text === this._text) return;
    this._text = text;
    this._timelines = timelines;
    this._draw();
    this._changed();
  }

  _grow() {
    const { scrollTop, clientHeight, scrollHeight } = byId("bin");
    if (!this._hasMore || this._wanted >= MOST || scrollTop + clientHeight < scrollHeight - NEAR_END) return;
    this._hasMore = false; // until the answer is here
    this._wanted = Math.min(this._wanted + PAGE, MOST);
    this.refresh();
  }

  _draw() {
    const list = byId("timelines");
    const focused = list.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement) : null;
    const known = new Set(this._timelines.map((one) => one.id));
    for (const id of this._items.keys()) if (!known.has(id)) this._items.delete(id);
    arrange(
      list,
      this._timelines.map((one) => this._item(one)),
    );
    if (focused !== document.activeElement) focused?.focus(); // it was moved
  }

  /**
   * The item of a timeline, which stays the same while what it shows changes; its picture, too, if nothing has changed.
   *
   * @param {any} one
   */
  _item(one) {
    const made = JSON.stringify([one, one.id === this._open, this._vocabularyName(one.vocabulary)]);
    let known = this._items.get(one.id);
    if (!known) {
      const link = el("a", { href: `#/${one.id}` });
      known = { made: "", item: el("li", {}, link), link };
      this._items.set(one.id, known);
    }
    if (known.made !== made) this._fill(known.link, one);
    known.made = made;
    return known.item;
  }

  /** @param {string | undefined} digest */
  _vocabularyName(digest) {
    if (!digest || !this._vocabularies.length) return "";
    return this._vocabularies.find((one) => one.digest === digest)?.id ?? "another vocabulary";
  }

  /** @param {HTMLElement} link @param {any} one */
  _fill(link, one) {
    const name = one.name || this._addresses.get(one.id) || one.id;
    const state = el("i", { text: one.state });
    state.dataset.state = one.state;
    const counts = [counted(one.segments, "segment"), lengthText(one.seconds)].map((text) => el("i", { text }));
    const settings = [openedText(one.opened_at), one.profile, this._vocabularyName(one.vocabulary)];
    link.title = `${name}\n${one.id}`;
    if (one.id === this._open) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    link.replaceChildren(
      poster(one),
      el(
        "div",
        {},
        el("b", { text: name }),
        el("span", {}, state, ...counts),
        el("span", { class: "settings", text: settings.filter(Boolean).join("  ·  ") }),
      ),
    );
  }
}

/**
 * A picture from the middle of a timeline, because many films begin in black; the first while it still grows.
 *
 * @param {any} one
 */
function poster(one) {
  const image = el("img", { class: "poster", alt: "", loading: "lazy", width: 56, height: 32 });
  image.addEventListener("error", () => image.classList.add("missing"));
  const at = one.state === "completed" ? Math.floor(one.segments / 2) : 0;
  const segment = `s${String(at).padStart(4, "0")}`;
  if (one.segments > 0) image.src = thumbnailUrl(`v1/timelines/${encodeURIComponent(one.id)}`, segment);
  else image.classList.add("missing");
  return image;
}

/** `14:05` of today, else `3 Nov 14:05`. @param {string} at RFC 3339 */
function openedText(at) {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return "";
  const time = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? time : `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${time}`;
}
