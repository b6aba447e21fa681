/** The picture and its transport: a `<video>`, or where the media cannot be shown a clock of its own, so that the timeline still plays. */

import { byId } from "./dom.js";

export class Player {
  /** @param {() => void} moved the time may have changed; called each frame while playing */
  constructor(moved) {
    /** @type {HTMLVideoElement} */
    this.video = byId("video");
    this._moved = moved;
    this._duration = 0;
    this._media = false;
    this._time = 0;
    this._rate = 0;
    this._ticked = 0;
    this._seeking = false;
    /** @type {number | null} */
    this._next = null;
    this.video.addEventListener("loadedmetadata", () => this._ready());
    this.video.addEventListener("error", () => this._lost());
    for (const type of ["seeked", "pause", "play", "timeupdate"]) this.video.addEventListener(type, () => this._settle(type));
  }

  /** @param {string} url */
  load(url) {
    this.unload();
    this.video.src = url;
    this.video.load();
  }

  /** There is no film. @param {string} why */
  without(why) {
    this.unload();
    byId("no-picture").textContent = why;
    this._lost();
  }

  unload() {
    this.stop();
    this._time = 0;
    byId("monitor").classList.remove("no-media");
    byId("no-picture").textContent = "The film itself cannot be shown here; the timeline can.";
    this._media = false;
    this._seeking = false;
    this._next = null;
    this.video.removeAttribute("src");
    this.video.load();
  }

  get hasMedia() { return this._media; }
  get time() { return this._media && !this._seeking ? this.video.currentTime : this._time; }
  get playing() { return this._rate !== 0; }
  get rate() { return this._rate; }

  /** @param {number} seconds */
  set duration(seconds) { this._duration = seconds; }

  /** @param {number} seconds */
  seek(seconds) {
    this._time = Math.min(Math.max(0, seconds), Math.max(0, this._duration - 0.001));
    if (this._media) {
      // A seek while one is under way waits for it: scrubbing shows as many pictures as the decoder can give.
      if (this._seeking) this._next = this._time;
      else this._jump(this._time);
    }
    this._moved();
  }

  toggle() {
    if (this.playing) this.stop();
    else this.play(1);
  }

  /** @param {number} rate below 0 plays backwards */
  play(rate) {
    if (rate > 0 && this.time >= this._duration - 0.05) this.seek(0);
    this._rate = rate;
    this._ticked = performance.now();
    if (this._media && rate > 0) {
      this.video.playbackRate = Math.min(rate, 16);
      this.video.play().catch(() => this.stop());
    } else {
      this.video.pause();
    }
    requestAnimationFrame((now) => this._tick(now));
    this._moved();
  }

  stop() {
    this._rate = 0;
    this.video.pause();
    this._moved();
  }

  /** J, K and L: again and faster. @param {-1 | 1} way */
  shuttle(way) {
    const rate = this._rate * way > 0 ? this._rate * 2 : way;
    this.play(Math.max(-8, Math.min(8, rate)));
  }

  /** @param {number} now */
  _tick(now) {
    if (!this.playing) return;
    const passed = (now - this._ticked) / 1000;
    this._ticked = now;
    if (!this._media || this._rate < 0) {
      this.seek(this._time + passed * this._rate);
      if (this._time <= 0 || this._time >= this._duration - 0.002) this.stop();
    } else {
      if (!this._seeking) this._time = this.video.currentTime;
      if (this.video.ended) this.stop();
    }
    this._moved();
    requestAnimationFrame((later) => this._tick(later));
  }

  _ready() {
    this._media = this.video.videoWidth > 0;
    byId("monitor").classList.toggle("no-media", !this._media);
    if (this._time > 0) this.seek(this._time);
    this._moved();
  }

  _lost() {
    this._media = false;
    byId("monitor").classList.add("no-media");
    this._moved();
  }

  /** @param {string} type */
  _settle(type) {
    if (type === "seeked") {
      this._seeking = false;
      const next = this._next;
      this._next = null;
      if (next !== null) this._jump(next);
    }
    this._moved();
  }

  /** @param {number} seconds */
  _jump(seconds) {
    this._seeking = true;
    this.video.currentTime = seconds + 0.0005; // within the frame, not on its edge
  }
}
