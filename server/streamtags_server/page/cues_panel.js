/** The panel of the cues: wishes for the music, the cues with their tracks, and what is decided. */

import { Audition } from "./audition.js";
import { cueCard } from "./cue_card.js";
import { choicesOf, cueAt, entriesOf, libraryOf, requestsToRestore } from "./cues.js";
import { byId, counted, el, on } from "./dom.js";
import { isRunning } from "./live.js";
import { recall, remember } from "./memory.js";
import { Tracks } from "./tracks.js";
import { wishOf, wishText, withWish } from "./wishes.js";

/** @typedef {import("./cues.js").Entry} Entry */
/** @typedef {import("./cues.js").Choice} Choice */
/** @typedef {import("./model.js").Model} Model */
/** A card and what it was made of. @typedef {{made: any[], card: HTMLElement}} Card */

const REFRESH_MS = 4000; // at the least between two requests while the analysis runs
const WISHES = /** @type {const} */ (["tempo", "energy"]);

export class CuesPanel {
  /**
   * @param {import("./player.js").Player} player
   * @param {import("./corrections.js").Corrections} corrections
   * @param {object} context
   * @param {(method: string, params: Object<string, any>) => Promise<any>} context.request rejects with an error
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
    /** Requests while the analysis runs: whether to make more, how far it was at the last one, and when. */
    this._again = { isWanted: false, mark: "", wasRunning: false, at: 0 };
    this.audition = new Audition(player, {
      model: () => this._model,
      changed: () => this._markHeard(),
      notify: context.notify,
    });
    this._listen();
  }

  /** Offer the music libraries. @param {{library: string, tracks: number}[]} libraries */
  offer(libraries) {
    const list = byId("cue-library");
    const wanted = list.value || recall("cue-library");
    const options = libraries.map(({ library, tracks }) =>
      el("option", { value: library, text: `${library} (${counted(tracks, "track")})` }),
    );
    list.replaceChildren(el("option", { value: "", text: "no library: only spot" }), ...options);
    const names = libraries.map(({ library }) => library);
    list.value = names.includes(wanted) ? wanted : (names[0] ?? "");
    byId("cue-hint").hidden = libraries.length > 0;
  }

  /** Show nothing: another timeline is opened. */
  clear() {
    this.audition.stop();
    this._model = null;
    this._entries = [];
    this._cards.clear();
    this._open = "";
    this._current = -1;
    this._again = { isWanted: false, mark: "", wasRunning: false, at: 0 };
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
    if (latest) byId("cue-library").value = latest.library;
    byId("cue-over-music").checked = this._entries.some(({ cue }) => cue.over_music);
    if (byId("cue-library").selectedIndex < 0) byId("cue-library").value = "";
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
    const list = byId("cue-list");
    const isSame = cards.length === list.children.length && cards.every((card, at) => card === list.children[at]);
    if (!isSame) {
      const scrolled = byId("cues").scrollTop;
      list.replaceChildren(...cards);
      byId("cues").scrollTop = scrolled;
    }
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
    const library = choice && libraryOf(entry, choice);
    const params = {
      cue: cue.cue,
      decision,
      ...(choice && { track: choice.track.track }),
      ...(library && { library }),
    };
    const decided = await this._ask("cues.decide", params);
    if (!decided) return;
    this._corrections.remember(`${cue.cue} is as it was.`, async () => {
      for (const each of requestsToRestore(cue)) await this._ask("cues.decide", each);
    });
  }

  /** Spot, and suggest tracks of the chosen library. @param {boolean} [isQuiet] say nothing until there is an answer */
  async _find(isQuiet = false) {
    const library = byId("cue-library").value;
    remember("cue-library", library);
    if (!isQuiet) byId("cue-status").textContent = library ? "Finding music…" : "Spotting…";
    byId("cue-go").disabled = true;
    this._again.isWanted = true;
    this._again.at = Date.now();
    const answer = await this._ask("timelines.cues", {
      guide: byId("cue-guide").value.trim(),
      instrumental: byId("cue-instrumental").checked,
      over_music: byId("cue-over-music").checked,
      ...(library && { library }),
    });
    byId("cue-go").disabled = false;
    byId("cue-status").textContent = answer ? statusText(answer.cues, this._model) : "";
    this._followAnalysis();
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
    byId("cue-error").textContent = "";
    try {
      return await this._context.request(method, params);
    } catch (error) {
      byId("cue-error").textContent = /** @type {Error} */ (error).message;
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
