/** Which part of a timeline is in view, and where its seconds are on the canvas. Pure. */

export const HEADER = 116; // pixels of the names of the rows
export const RULER = 26; // pixels of the ruler above the rows
const SHORTEST = 0.4; // seconds across the whole width

export class Viewport {
  constructor() {
    this.start = 0;
    this.span = 10;
    this.width = 0;
    this.height = 0;
    this.duration = 10;
    /** Whether all of the timeline is shown, also when it grows. */
    this.isFitted = true;
  }

  /** Seconds when all is shown; a little more than the timeline. */
  get whole() {
    return Math.max(SHORTEST, this.duration * 1.005);
  }

  /** Pixels of the rows. */
  get room() {
    return Math.max(0, this.width - HEADER);
  }

  /** @param {number} seconds */
  x(seconds) {
    return HEADER + ((seconds - this.start) / this.span) * this.room;
  }

  /** @param {number} x */
  seconds(x) {
    return this.start + ((x - HEADER) / this.room) * this.span;
  }

  /** @param {number} seconds */
  contains(seconds) {
    return seconds >= this.start && seconds <= this.start + this.span;
  }

  /** Show all of the timeline, also when it grows. */
  fit() {
    this.isFitted = true;
    this.start = 0;
    this.span = this.whole;
  }

  /** @param {number} factor below 1 shows less @param {number} around seconds that stay where they are, if in view */
  zoom(factor, around) {
    const span = Math.min(this.whole, Math.max(SHORTEST, this.span * factor));
    const share = this.contains(around) ? (around - this.start) / this.span : 0.5;
    this.start = around - share * span;
    this.span = span;
    this.isFitted = span === this.whole;
    this.clamp();
  }

  /** Stay within the timeline. */
  clamp() {
    this.span = Math.min(this.span, this.whole);
    this.start = Math.min(Math.max(0, this.start), this.whole - this.span);
  }
}
