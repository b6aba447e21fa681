/**
 * The picture and its transport: a `<video>`, or a clock of its own if there is no film to show, so that the timeline
 * still plays.
 */

import { byId } from "./dom.js";

const MAX_RATE = 8;
const CANNOT_PLAY = "The browser cannot play this film; the timeline works.";
const NOT_SERVED = "The server has no access to this film; start it with --media-root FOLDER. The timeline works.";
const HAVE_FUTURE_DATA = 3; // HTMLMediaElement.HAVE_FUTURE_DATA

export class Player {
  /** @param {() => void} moved called when the time may have changed, and for each frame while playing */
  constructor(moved) {
    /** @type {HTMLVideoElement} */
    this.video = byId("video");
    this.duration = 0; // seconds
    /** Whether the source has a picture; sound alone plays without one. */
    this.hasPicture = true;
    this._moved = moved;
    this._hasMedia = false;
    this._time = 0;
    this._rate = 0;
    this._plays = 0; // counts starts and stops: a browser that gives up an earlier one changes nothing
    this._lastTick = 0;
    this._isSeeking = false;
    /** @type {number | null} */
    this._nextSeek = null;
    this.video.addEventListener("loadedmetadata", () => this._ready());
    this.video.addEventListener("error", () => this._failed());
    this.video.addEventListener("seeked", () => this._seeked());
    for (const type of ["pause", "play", "timeupdate"]) this.video.addEventListener(type, moved);
  }

  /** @param {string} url @param {boolean} [hasPicture] */
  load(url, hasPicture = true) {
    this.unload();
    this.hasPicture = hasPicture;
    if (!hasPicture) byId("no-picture").textContent = "Sound without picture";
    this.video.src = url;
    this.video.load();
  }

  /** Show that there is no film. @param {string} why */
  loadNothing(why) {
    this.unload();
    byId("no-picture").textContent = why;
    this._lost();
  }

  unload() {
    this.stop();
    this._time = 0;
    byId("monitor").classList.remove("no-media");
    byId("no-picture").textContent = CANNOT_PLAY;
    this._hasMedia = false;
    this._isSeeking = false;
    this._nextSeek = null;
    this.video.removeAttribute("src");
    this.video.load();
  }

  get hasMedia() {
    return this._hasMedia;
  }

  get time() {
    return this._hasMedia && !this._isSeeking ? this.video.currentTime : this._time;
  }

  get isPlaying() {
    return this._rate !== 0;
  }

  /** How fast the film moves: 0 while it stands, seeks or waits for data. */
  get speed() {
    if (!this._hasMedia || this._rate <= 0) return this._rate;
    return this._isSeeking || this.video.paused || this.video.readyState < HAVE_FUTURE_DATA ? 0 : this._rate;
  }

  /** @param {number} seconds */
  seek(seconds) {
    this._time = Math.min(Math.max(0, seconds), Math.max(0, this.duration - 0.001));
    if (this._hasMedia) {
      // A seek waits for the one before it, so that scrubbing shows as many pictures as the decoder can provide.
      if (this._isSeeking) this._nextSeek = this._time;
      else this._jump(this._time);
    }
    this._moved();
  }

  toggle() {
    if (this.isPlaying) this.stop();
    else this.play(1);
  }

  /** @param {number} rate below 0 plays backwards */
  play(rate) {
    if (rate > 0 && this.time >= this.duration - 0.05) this.seek(0);
    this._rate = rate;
    this._plays += 1;
    this._lastTick = performance.now();
    this._playVideo();
    const plays = this._plays;
    requestAnimationFrame((now) => this._tick(now, plays));
    this._moved();
  }

  /** Let the film run if it is what moves: not backwards, and not before it can be shown. */
  _playVideo() {
    if (!this._hasMedia || this._rate <= 0) {
      this.video.pause();
      return;
    }
    const plays = this._plays;
    this.video.playbackRate = this._rate;
    this.video.play().catch(() => {
      if (plays === this._plays) this.stop();
    });
  }

  stop() {
    this._rate = 0;
    this._plays += 1;
    this.video.pause();
    this._moved();
  }

  /** The keys J and L: each further press doubles the speed. @param {-1 | 1} way */
  shuttle(way) {
    const rate = this._rate * way > 0 ? this._rate * 2 : way;
    this.play(Math.max(-MAX_RATE, Math.min(MAX_RATE, rate)));
  }

  toggleMute() {
    this.video.muted = !this.video.muted;
    byId("mute").setAttribute("aria-pressed", String(this.video.muted));
  }

  /** @param {number} now @param {number} plays those of before play on by a frame of their own */
  _tick(now, plays) {
    if (plays !== this._plays) return;
    const seconds = (now - this._lastTick) / 1000;
    this._lastTick = now;
    if (!this._hasMedia || this._rate < 0) {
      this.seek(this._time + seconds * this._rate);
      // The first frame may have begun before the key was pressed: time then stands, but is not at an end.
      const isAtEnd = this._rate < 0 ? this._time <= 0 : this._time >= this.duration - 0.002;
      if (isAtEnd) this.stop();
    } else {
      if (!this._isSeeking) this._time = this.video.currentTime;
      if (this.video.ended) this.stop();
    }
    this._moved();
    requestAnimationFrame((later) => this._tick(later, plays));
  }

  _ready() {
    this._hasMedia = this.video.videoWidth > 0 || !this.hasPicture;
    byId("monitor").classList.toggle("no-media", !this._hasMedia || !this.hasPicture);
    if (this._time > 0) this.seek(this._time);
    if (this.isPlaying) this._playVideo(); // a clock moved the playhead until now
    this._moved();
  }

  /** A server that does not have the film and a film that the browser cannot decode are the same error to `<video>`. */
  async _failed() {
    const url = this.video.getAttribute("src");
    this._lost();
    if (!url) return;
    const answer = await fetch(url, { headers: { Range: "bytes=0-0" } }).catch(() => null);
    if (answer?.status === 404 && this.video.getAttribute("src") === url) byId("no-picture").textContent = NOT_SERVED;
    await answer?.body?.cancel();
  }

  _lost() {
    this._hasMedia = false;
    byId("monitor").classList.add("no-media");
    this._moved();
  }

  _seeked() {
    this._isSeeking = false;
    const next = this._nextSeek;
    this._nextSeek = null;
    if (next !== null) this._jump(next);
    this._moved();
  }

  /** @param {number} seconds */
  _jump(seconds) {
    this._isSeeking = true;
    this.video.currentTime = seconds + 0.0005; // inside the frame, not on its edge
  }
}
