/** The loudest samples of each segment, 10 a second: loaded as segments are measured, drawn as a waveform. */

import { requestJson } from "./server.js";

const NOT_BEFORE_MS = 1500; // after the last answer, while segments keep coming

/** Peaks of the segments of one timeline. Segments from before the server measured them have none. */
export class Waveforms {
  /** @param {string} base address of the timeline @param {() => void} arrived called when there are more */
  constructor(base, arrived) {
    this.perSecond = 10;
    this._base = base;
    this._arrived = arrived;
    /** @type {Map<string, Uint8Array>} */
    this._peaks = new Map();
    this._next = 0;
    this._requested = 0; // measured segments at the last request
    this._epoch = "";
    /** @type {import("./model.js").Model | null} */
    this._model = null;
    this._isWaiting = false;
  }

  get isEmpty() {
    return this._peaks.size === 0;
  }

  /** @param {string} segment @returns {Uint8Array | undefined} 0 is -60 dBFS or less, 255 full scale */
  get(segment) {
    return this._peaks.get(segment);
  }

  /** Stop loading: another timeline is opened. */
  close() {
    this._base = "";
  }

  /** Load what has been measured since. @param {import("./model.js").Model} model */
  update(model) {
    const { state, segments } = model;
    this._model = model;
    if (!this._base || !state.source?.audio) return;
    if (state.epoch !== this._epoch) {
      this._epoch = state.epoch; // a new log: segments have other bounds
      this._peaks.clear();
      this._requested = 0;
    }
    const measured = segments.reduce((sum, segment) => sum + Number(segment.evidence !== null), 0);
    if (measured === this._requested || this._isWaiting) return;
    this._requested = measured;
    this._load();
  }

  async _load() {
    this._isWaiting = true;
    try {
      if (await this._loadNew(this._base, this._epoch)) this._arrived();
    } catch {
      this._requested = 0; // the connection was lost, which the header shows
    }
    setTimeout(() => {
      this._isWaiting = false;
      if (this._model) this.update(this._model); // what was measured in the meantime: no event may follow
    }, NOT_BEFORE_MS);
  }

  /**
   * @param {string} base @param {string} epoch
   * @returns {Promise<boolean>} false if another timeline or another log is shown now
   */
  async _loadNew(base, epoch) {
    for (let more = true; more;) {
      const answer = await requestJson(`${base}/waveform?after=${this._next}`);
      if (base !== this._base || epoch !== this._epoch) return false;
      this.perSecond = answer.per_second;
      for (const { segment, peaks } of answer.segments) this._peaks.set(segment, bytesOf(peaks));
      this._next = answer.next;
      more = answer.more;
    }
    return true;
  }
}

/** @param {string} text base64 */
function bytesOf(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/**
 * The loudest of the peaks from `from` to `to`, as a share of the height of a row: a third of it is -20 dBFS.
 *
 * @param {Uint8Array} peaks @param {number} from @param {number} to positions, which may be fractions
 */
export function loudest(peaks, from, to) {
  let most = 0;
  const last = Math.min(peaks.length, Math.max(Math.floor(from) + 1, Math.ceil(to)));
  for (let at = Math.max(0, Math.floor(from)); at < last; at += 1) if (peaks[at] > most) most = peaks[at];
  return most === 0 ? 0 : 10 ** (((most / 255 - 1) * 60) / 40);
}
