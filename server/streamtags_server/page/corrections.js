/** What a person changes: tags and captions of one segment or of many; and undoing the changes of this page. */

import { counted } from "./dom.js";

/** @typedef {import("./streamtags.js").SegmentState} SegmentState */
/**
 * @typedef {{tags?: import("./streamtags.js").TagScore[], untag?: string[], caption?: string, reset?: boolean}} Change
 */
/** What a segment's correction was before a change. @typedef {{segment: string, correction: any}} Before */
/** How a change is undone, and what is said then. @typedef {{text: string, undo: () => Promise<boolean>}} Done */
/**
 * The timeline that was open when a change began. The change stays with it, whatever is opened before the answer.
 *
 * @typedef {object} Here
 * @property {string} id
 * @property {(method: string, params: Object<string, any>) => Promise<any>} request resolves to null after an error
 * @property {(text: string, undo: () => Promise<boolean>) => void} remember keep how a change is undone; `undo`
 *   resolves to whether it was
 * @property {() => boolean} isOpen whether it is still the one that is open
 */

const MAX_UNDO = 200; // changes

export class Corrections {
  /**
   * @param {(method: string, params: Object<string, any>) => Promise<any>} request resolves to null after an error
   * @param {(text: string, isGood?: boolean) => void} notify
   * @param {() => string} timeline the id of the open timeline
   */
  constructor(request, notify, timeline) {
    this._request = request;
    this._notify = notify;
    this._timeline = timeline;
    /** The changes, the latest last. @type {Done[]} */
    this._done = [];
    /** Segments as the server answered, which may be before their events. @type {Map<string, SegmentState>} */
    this._answers = new Map();
    /** The latest change or undo. @type {Promise<any>} */
    this._latest = Promise.resolve();
  }

  /** Forget what could be undone: another timeline is opened. */
  clear() {
    this._done = [];
    this._answers = new Map();
  }

  /** @returns {Here} */
  here() {
    const id = this._timeline();
    const done = this._done;
    return {
      id,
      request: (method, params) => this._request(method, { id, ...params }),
      remember: (text, undo) => {
        done.push({ text, undo });
        if (done.length > MAX_UNDO) done.shift();
      },
      isOpen: () => done === this._done,
    };
  }

  /**
   * Begin a change when those before it are done: the server may answer requests in any order, and an undo takes back
   * what was done just before it.
   *
   * @template T
   * @param {() => Promise<T>} act @returns {Promise<T>}
   */
  inOrder(act) {
    const next = this._latest.then(act);
    this._latest = next.catch(() => {}); // the caller sees the error
    return next;
  }

  /** @param {readonly SegmentState[]} segments @param {string} tag */
  addTag(segments, tag) {
    return this._change(segments, { tags: [{ tag, confidence: 1 }] }, `${tag} was added to`);
  }

  /** @param {readonly SegmentState[]} segments @param {string} tag */
  removeTag(segments, tag) {
    return this._change(segments, { untag: [tag] }, `${tag} was removed from`);
  }

  /** @param {SegmentState} segment @param {string} caption @returns {Promise<boolean>} whether it was changed */
  setCaption(segment, caption) {
    return this._change([segment], { caption }, "the caption was changed in");
  }

  /** Return a segment to the answers of the models. @param {SegmentState} segment */
  reset(segment) {
    return this._change([segment], { reset: true }, "the models' answer was restored in");
  }

  /** Undo the latest change of this page. */
  undo() {
    const done = this._done;
    return this.inOrder(async () => {
      const latest = done.pop();
      if (!latest) {
        this._notify("There is nothing to undo.");
      } else if (await latest.undo()) {
        this._notify(`Undone: ${latest.text}`, true);
      } else {
        done.push(latest); // the request says why it failed
      }
    });
  }

  /**
   * Give segments the corrections that they had.
   *
   * @param {Here} here @param {readonly Before[]} changed @returns {Promise<boolean>} whether all have them
   */
  async _restore(here, changed) {
    for (const { segment, correction } of changed) {
      const { tags = [], untag = [], caption = null } = correction ?? {};
      const change = { reset: true, tags, untag, ...(caption !== null && { caption }) };
      if (!(await this._correct(here, segment, change))) return false;
    }
    return true;
  }

  /**
   * @param {readonly SegmentState[]} segments @param {Change} change @param {string} what was done, for undoing
   * @returns {Promise<boolean>} whether all were changed
   */
  _change(segments, change, what) {
    const here = this.here();
    return this.inOrder(async () => {
      /** @type {Before[]} */
      const changed = [];
      for (const segment of segments) {
        const answered = here.isOpen() ? this._answers.get(segment.segment) : undefined;
        const { correction } = answered && answered.rev > segment.rev ? answered : segment;
        if (!(await this._correct(here, segment.segment, change))) break;
        changed.push({ segment: segment.segment, correction });
      }
      const where = changed.length === 1 ? changed[0].segment : counted(changed.length, "segment");
      if (changed.length) here.remember(`${what} ${where}.`, () => this._restore(here, changed));
      if (segments.length > 1) {
        this._notify(`${counted(changed.length, "segment")} changed.`, changed.length === segments.length);
      }
      return changed.length === segments.length;
    });
  }

  /** @param {Here} here @param {string} segment @param {Change} change @returns {Promise<any>} null after an error */
  async _correct(here, segment, change) {
    const answer = await here.request("segments.correct", { segment, ...change });
    if (answer && here.isOpen()) this._answers.set(segment, answer);
    return answer;
  }
}
