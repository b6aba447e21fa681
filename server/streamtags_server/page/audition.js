/**
 * Hearing a suggested track under the picture: it plays in sync with the film from the cue's in point, with the offset
 * and fades that are proposed, and quieter where people speak.
 */

import { fitOf } from "./cues.js";
import { byId } from "./dom.js";
import { trackUrl } from "./tracks.js";
import { duckingAt, fadeAt, speechIn } from "./speech.js";

/** @typedef {import("./cues.js").Cue} Cue */
/** @typedef {import("./cues.js").Track} Track */

const SEEK_SECONDS = 0.15; // a track that is farther from the film seeks
const MOST_BEND = 0.05; // of the speed; the browser keeps the pitch
const MOST_LEAD_SECONDS = 1;

/** A track under a cue. @typedef {{cue: Cue, track: Track, library: string}} Choice */

export class Audition {
  /**
   * @param {import("./player.js").Player} player
   * @param {object} context
   * @param {() => import("./model.js").Model | null} context.model
   * @param {() => void} context.changed called when another track plays, or none
   * @param {(text: string) => void} context.notify
   */
  constructor(player, context) {
    this._player = player;
    this._context = context;
    /** @type {HTMLAudioElement} */
    this._audio = byId("track");
    /** What is heard. @type {Choice | null} */
    this.choice = null;
    /** @type {import("./speech.js").Span[]} */
    this._speech = [];
    /** When the latest seek of the track began, and how long the one before it took, while the film went on. */
    this._seek = { began: 0, seconds: 0 };
    this._audio.addEventListener("seeked", () => this._seeked());
    this._audio.addEventListener("error", () => this._failed());
  }

  /** @param {string} cue @param {string} track @param {string} library */
  isOf(cue, track, library) {
    const { choice } = this;
    return choice?.cue.cue === cue && choice.track.track === track && choice.library === library;
  }

  /** Seconds from the start of the track; null if none is chosen. */
  get position() {
    return this.choice ? this._audio.currentTime : null;
  }

  /** Play a track from the in point of its cue. @param {Choice} choice */
  start(choice) {
    const model = this._context.model();
    if (!model) return;
    this.choice = choice;
    const { cue, track, library } = choice;
    this._speech = speechIn(model.segments, cue.start.seconds, cue.end.seconds);
    this._audio.volume = 0;
    this._audio.src = trackUrl(library, track.track, "audio");
    this._audio.currentTime = fitOf(track, cue).offset_seconds;
    this._player.seek(cue.start.seconds - model.origin);
    this._player.play(1);
    this._context.changed();
  }

  /** Stop the track, and the film with it. */
  stop() {
    if (!this.choice) return;
    this.choice = null;
    this._audio.pause();
    this._audio.removeAttribute("src");
    this._player.stop();
    this._context.changed();
  }

  /** Follow the film. @param {number} seconds of the source @param {number} rate of the film, 0 if it stands */
  follow(seconds, rate) {
    if (!this.choice) return;
    const { cue, track } = this.choice;
    const fit = fitOf(track, cue);
    const at = seconds - cue.start.seconds;
    if (rate !== 1 || at < -SEEK_SECONDS || at >= fit.seconds) {
      this._audio.pause();
      return;
    }
    this._audio.volume = fadeAt(fit, Math.max(0, at)) * duckingAt(this._speech, seconds);
    this._keepUp(fit.offset_seconds + Math.max(0, at));
  }

  /**
   * Bring the track to where the film is: a little by its speed, more by a seek.
   *
   * @param {number} wanted seconds of the track
   */
  _keepUp(wanted) {
    const audio = this._audio;
    const ahead = audio.currentTime - wanted;
    if (audio.paused) {
      this._jump(wanted);
      audio.play().catch(() => {}); // a stop or another track came first, or the file is missing: "error" says so
    } else if (!audio.seeking && Math.abs(ahead) > SEEK_SECONDS) {
      this._jump(wanted);
    } else if (!audio.seeking) {
      audio.playbackRate = 1 - Math.max(-MOST_BEND, Math.min(MOST_BEND, ahead));
    }
  }

  /** Seek to where the film will be when the track is there. @param {number} wanted seconds of the track */
  _jump(wanted) {
    this._seek.began = performance.now();
    this._audio.currentTime = wanted + this._seek.seconds;
  }

  _seeked() {
    const { began } = this._seek;
    if (began) this._seek.seconds = Math.min(MOST_LEAD_SECONDS, (performance.now() - began) / 1000);
    this._seek.began = 0;
  }

  _failed() {
    if (!this.choice) return;
    const { track } = this.choice;
    this.stop();
    this._context.notify(
      `The browser cannot play “${track.title}”: its file is missing, or of a kind that it does not know.`,
    );
  }
}
