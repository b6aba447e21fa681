/** The panel of the cues: wishes for the music, the cues with their tracks, and what is decided. */

import { Audition } from "./audition.js";
import { cueCard } from "./cue_card.js";
import { choicesOf, cueAt, entriesOf, libraryOf, requestsToRestore } from "./cues.js";
import { arrange, byId, counted, el, on } from "./dom.js";
import { isRunning } from "./live.js";
import { recall, remember } from "./memory.js";
import { Tracks } from "./tracks.js";
import { wishOf, wishText, withWish } from "./wishes.js";

/** @typedef {import("./cues.js").Entry} Entry */
/** @typedef {import("./cues.js").Choice} Choice */
/** @typedef {import("./model.js").Model} Model */
/** A card and what it was made of. @typedef {{made: any[], card: HTMLElement}} Card */
/**
 * Requests for the open timeline: whether music is wanted, also again while the analysis runs; whether a request is
 * under way, and one more has to follow it; how far the analysis was at the last one, and when.
 *
 * @typedef {{isWanted: boolean, isFinding: boolean, isPending: boolean, mark: string, wasRunning: boolean, at: number}}
 *   Requests
 */

const REFRESH_MS = 4000; // at the least between two requests while the analysis runs
/** @type {Requests} */
const NONE = { isWanted: false, isFinding: false, isPending: false, mark: "", wasRunning: false, at: 0 };
const WISHES = /** @type {const} */ (["tempo", "energy"]);

export class CuesPanel {
  /**
   * @param {import("./player.js").Player} player
   * @param {import("./corrections.js").Corrections} corrections
   * @param {object} context
   * @param {(method: string, params: Object<string, any>) => Promise<any>} context.request for the timeline of `id`, or
   *   the open one; rejects with an error
   * @param {(text: string) => void} context.notify
   * @param {() => boolean} context.isEditor
   */
  constructor(player, corrections, context) {
    this._player = player;
    this._corrections = corrections;
    this._context = context;
    /** @type {Model | null} */
    this._model = null;
    /** @type {Entry[]} */
    this._entries = [];
    /** @type {Map<string, Card>} */
    this._cards = new Map();
    this._open = ""; // the name of the cue whose card is open
    this._current = -1; // the place of the cue under the playhead
    this._tracks = new Tracks();
    this._again = { ...NONE };
    /** The libraries of the server, null until they are known. @type {string[] | null} */
    this._libraries = null;
    /** The library that a person chose, or that of the latest suggestions. @type {string | null} */
    this._library = null;
    this.audition = new Audition(player, {
      model: () => this._model,
      changed: () => this._markHeard(),
      notify: context.notify,
    });
    this._listen();
  }

  /** Offer the music libraries. @param {{library: string, tracks: number}[]} libraries */
  offer(libraries) {
    this._libraries = libraries.map(({ library }) => library);
    const options = libraries.map(({ library, tracks }) =>
      el("option", { value: library, text: `${library} (${counted(tracks, "track")})` }),
    );
    byId("cue-library").replaceChildren(el("option", { value: "", text: "no library: only spot" }), ...options);
    byId("cue-hint").hidden = libraries.length > 0;
    this._showLibrary();
    byId("cue-go").disabled = this._again.isFinding;
    if (this._again.isPending) this._find(true);
    this._followAnalysis();
  }

  /** Select the library that is wanted; without a wish the one that was used last, else the first. */
  _showLibrary() {
    const names = this._libraries ?? [];
    const wanted = this._library ?? (recall("cue-library") || names[0]);
    if (names.includes(wanted)) byId("cue-library").value = wanted;
    else byId("cue-library").value = this._library === null ? (names[0] ?? "") : "";
  }

  /** Draw again what a lost connection left out. */
  refresh() {
    for (const [cue, { card }] of this._cards) if (card.querySelector("[data-unknown]")) this._cards.delete(cue);
  }

  /** Show nothing: another timeline is opened. */
  clear() {
    this.audition.stop();
    this._model = null;
    this._entries = [];
    this._cards.clear();
    this._open = "";
    this._current = -1;
    this._again = { ...NONE };
    byId("cue-go").disabled = this._libraries === null;
    byId("cue-list").replaceChildren();
    byId("cue-error").textContent = byId("cue-status").textContent = byId("cue-count").textContent = "";
  }

  /** @param {Model} model */
  show(model) {
    const isFirst = this._model === null;
    this._model = model;
    this._entries = entriesOf(model.state);
    if (isFirst) this._adoptGuide();
    if (!this._open && this._entries.length) this._open = this._entries[0].cue.cue;
    byId("cue-count").textContent = this._entries.length ? String(this._entries.length) : "";
    this._draw();
    this._followAnalysis();
  }

  /** Follow the playhead. @param {number} seconds of the source */
  place(seconds) {
    this.audition.follow(seconds, this._player.speed);
    if (this.audition.choice) this._moveWave();
    const at = cueAt(this._entries, seconds);
    if (at === this._current) return;
    this._current = at;
    const entry = this._entries[at];
    if (entry && !this._player.isPlaying) this._open = entry.cue.cue;
    this._draw();
    if (entry && !byId("cues").contains(document.activeElement)) {
      this._cards.get(entry.cue.cue)?.card.scrollIntoView({ block: "nearest" });
    }
  }

  /** Scenes were split or merged by hand, so there are other cues: suggest for them if there are suggestions. */
  scenesChanged() {
    if (this._model?.state.cues.some((one) => one.cue)) this._find();
  }

  /** Hear the first track of the cue under the playhead, or stop. */
  hear() {
    if (this.audition.choice) {
      this.audition.stop();
      return;
    }
    const entry = this._entries[this._current] ?? this._entries.find(({ cue }) => cue.cue === this._open);
    const choice = entry && choicesOf(entry)[0];
    if (entry && choice) this._audition(entry, choice);
  }

  /** The guide and the choices of the latest suggestions, so that a page that is loaded again has the same. */
  _adoptGuide() {
    const latest = [...(this._model?.state.cues ?? [])].reverse().find((one) => one.cue);
    byId("cue-guide").value = latest?.guide ?? "";
    if (latest) {
      this._library = latest.library;
      this._showLibrary();
    }
    byId("cue-over-music").checked = this._entries.some(({ cue }) => cue.over_music);
    this._again.isWanted =
      Boolean(this._model?.state.spotting) && isRunning(this._model?.state ?? /** @type {any} */ ({}));
    this._showWishes();
  }

  /** Draw the cards of cues that have changed; the others stay as they are. */
  _draw() {
    const isEditor = this._context.isEditor();
    /** @type {CardActionsOf} */
    const actions = this._actions();
    const cards = this._entries.map((entry) => {
      const { cue, suggested } = entry;
      const isOpen = cue.cue === this._open;
      const made = [cue, suggested, isOpen, isEditor];
      const known = this._cards.get(cue.cue);
      if (known?.made.every((one, at) => one === made[at])) return known.card;
      const card = cueCard(entry, actions, { isOpen, isEditor });
      this._cards.set(cue.cue, { made, card });
      return card;
    });
    const scrolled = byId("cues").scrollTop;
    arrange(byId("cue-list"), cards);
    if (byId("cues").scrollTop !== scrolled) byId("cues").scrollTop = scrolled;
    cards.forEach((card, at) => card.setAttribute("aria-current", String(at === this._current)));
    this._markHeard();
  }

  /** @typedef {import("./cue_card.js").CardActions} CardActionsOf */
  /** @returns {CardActionsOf} */
  _actions() {
    return {
      tracks: this._tracks,
      seek: (seconds) => this._player.seek(seconds - (this._model?.origin ?? 0)),
      audition: (entry, choice) => this._audition(entry, choice),
      decide: (entry, decision, choice) => this._decide(entry, decision, choice),
      toggle: (entry) => {
        const isOpening = this._open !== entry.cue.cue;
        this._open = isOpening ? entry.cue.cue : "";
        if (isOpening) this._player.seek(entry.cue.start.seconds - (this._model?.origin ?? 0));
        this._draw();
      },
    };
  }

  /** @param {Entry} entry @param {Choice} choice */
  _audition(entry, choice) {
    const { cue } = entry;
    const library = libraryOf(entry, choice);
    if (this.audition.isOf(cue.cue, choice.track.track, library)) this.audition.stop();
    else this.audition.start({ cue, track: choice.track, library });
  }

  /** Show which track is heard. */
  _markHeard() {
    for (const item of /** @type {NodeListOf<HTMLElement>} */ (byId("cue-list").querySelectorAll(".track"))) {
      const cue = /** @type {HTMLElement} */ (item.closest(".cue")).dataset.cue ?? "";
      const isHeard = this.audition.isOf(cue, item.dataset.track ?? "", item.dataset.library ?? "");
      item.classList.toggle("heard", isHeard);
      const button = /** @type {HTMLElement} */ (item.querySelector(".hear"));
      button.textContent = isHeard ? "■" : "▶";
      button.setAttribute("aria-pressed", String(isHeard));
    }
  }

  /** Move the line over the waveform of the track that is heard. */
  _moveWave() {
    const box = /** @type {HTMLElement | null} */ (byId("cue-list").querySelector(".heard .wave-box"));
    const seconds = Number(box?.dataset.seconds);
    const line = /** @type {HTMLElement | null} */ (box?.querySelector("i") ?? null);
    if (!box || !line || !seconds) return;
    line.style.transform = `translateX(${((this.audition.position ?? 0) / seconds) * box.clientWidth}px)`;
  }

  /** @param {Entry} entry @param {"accept" | "reject" | "swap" | "reset"} decision @param {Choice} [choice] */
  async _decide(entry, decision, choice) {
    const { cue } = entry;
    const here = this._corrections.here();
    const library = choice && libraryOf(entry, choice);
    const params = {
      id: here.id,
      cue: cue.cue,
      decision,
      ...(choice && { track: choice.track.track }),
      ...(library && { library }),
    };
    await this._corrections.inOrder(async () => {
      if (!(await this._ask("cues.decide", params))) return;
      here.remember(`${cue.cue} is as it was.`, async () => {
        for (const each of requestsToRestore(cue)) {
          if (!(await this._ask("cues.decide", { id: here.id, ...each }))) return false;
        }
        return true;
      });
    });
  }

  /**
   * Spot, and suggest tracks of the chosen library. What is wanted while a request is under way follows it, with what
   * the fields say then: the last answer is for the last wish.
   *
   * @param {boolean} [isQuiet] say nothing until there is an answer
   */
  async _find(isQuiet = false) {
    const again = this._again;
    again.isWanted = again.isPending = true;
    const isSpotting = this._libraries !== null && !byId("cue-library").value;
    if (!isQuiet) byId("cue-status").textContent = isSpotting ? "Spotting…" : "Finding music…";
    if (again.isFinding || this._libraries === null) return;
    again.isFinding = byId("cue-go").disabled = true;
    while (again === this._again && again.isPending) {
      again.isPending = false;
      again.at = Date.now();
      const answer = await this._ask("timelines.cues", this._wish());
      if (again !== this._again) return; // another timeline was opened
      if (!again.isPending) byId("cue-status").textContent = answer ? statusText(answer.cues, this._model) : "";
    }
    again.isFinding = byId("cue-go").disabled = false;
    this._followAnalysis();
  }

  /** What the fields say, as parameters. */
  _wish() {
    const library = byId("cue-library").value;
    remember("cue-library", library);
    return {
      guide: byId("cue-guide").value.trim(),
      instrumental: byId("cue-instrumental").checked,
      over_music: byId("cue-over-music").checked,
      ...(library && { library }),
    };
  }

  /** Ask again while the analysis runs, when more is known, and once at its end. */
  _followAnalysis() {
    const state = this._model?.state;
    if (!state) return;
    const again = this._again;
    const isGoing = isRunning(state);
    const mark = [state.segments.length, state.scenes.length, state.progress?.tagged ?? 0, state.state].join(" ");
    const hasChanged = mark !== again.mark && (isGoing || again.wasRunning);
    const mustWait = byId("cue-go").disabled || (isGoing && Date.now() - again.at < REFRESH_MS);
    if (again.isWanted && hasChanged && mustWait) return;
    Object.assign(again, { mark, wasRunning: isGoing });
    if (again.isWanted && hasChanged) this._find(true);
  }

  /**
   * @param {string} method @param {Object<string, any>} params
   * @returns {Promise<any>} null after an error, which is shown
   */
  async _ask(method, params) {
    const here = this._corrections.here();
    byId("cue-error").textContent = "";
    try {
      return await this._context.request(method, params);
    } catch (error) {
      if (here.isOpen()) byId("cue-error").textContent = /** @type {Error} */ (error).message;
      return null;
    }
  }

  _showWishes() {
    for (const wish of WISHES) {
      const position = wishOf(byId("cue-guide").value, wish);
      byId(`cue-${wish}`).value = String(position);
      byId(`cue-${wish}-text`).textContent = wishText(wish, position) || "as the picture";
    }
  }

  _listen() {
    on("cue-go", "click", () => this._find());
    on("cue-guide", "input", () => this._showWishes());
    on("cue-guide", "keydown", (event) => {
      if (event.key === "Enter") this._find();
    });
    for (const wish of WISHES) {
      on(`cue-${wish}`, "input", () => {
        byId("cue-guide").value = withWish(byId("cue-guide").value, wish, Number(byId(`cue-${wish}`).value));
        this._showWishes();
      });
      on(`cue-${wish}`, "change", () => this._find());
    }
    on("cue-library", "change", () => (this._library = byId("cue-library").value));
    for (const id of ["cue-instrumental", "cue-over-music", "cue-library"]) {
      on(id, "change", () => {
        if (this._entries.length) this._find();
      });
    }
  }
}

/** @param {any[]} cues @param {Model | null} model */
function statusText(cues, model) {
  const soFar = model && isRunning(model.state) ? " so far" : "";
  if (cues.length) return `${counted(cues.length, "cue")}${soFar}`;
  return `No cue${soFar}: people speak, music is heard already, or the film is too short.`;
}
