/** The words under the picture: those of the segment under the playhead. A click on a word goes there. */

import { byId, el } from "./dom.js";
import { spokenLines } from "./heard.js";

export class Spoken {
  /** @param {(seconds: number) => void} seek to seconds of the source */
  constructor(seek) {
    this._box = byId("spoken");
    this._seek = seek;
    /** @type {unknown} */
    this._shown = null;
    /** @type {{start: number, end: number, button: HTMLElement}[]} */
    this._words = [];
  }

  /** @param {any} segment null for none @param {number} seconds of the source */
  show(segment, seconds) {
    const answer = segment?.answers?.transcribed ?? null;
    if (answer !== this._shown) this._draw(segment, answer);
    for (const { start, end, button } of this._words) {
      button.classList.toggle("now", seconds >= start - 0.01 && seconds < end);
    }
  }

  /** @param {any} segment @param {unknown} answer */
  _draw(segment, answer) {
    this._shown = answer;
    this._words = [];
    const lines = answer ? spokenLines(segment) : [];
    const parts = lines.map((line) => el("span", { class: "line" }, ...line.map((word) => this._word(word))));
    this._box.replaceChildren(...parts);
    this._box.hidden = !parts.length;
  }

  /** @param {import("./heard.js").Word} word */
  _word({ text, start, end }) {
    const button = el("button", { text, title: "Go to this word", on: { click: () => this._seek(start) } });
    this._words.push({ start, end, button });
    return button;
  }
}
