/** What a person changes: tags and captions of one segment or of many; and undoing the changes of this page. */

import { counted } from "./dom.js";

/** @typedef {import("./streamtags.js").SegmentState} SegmentState */
/**
 * @typedef {{tags?: import("./streamtags.js").TagScore[], untag?: string[], caption?: string, reset?: boolean}} Change
 */
/** What a segment's correction was before a change. @typedef {{segment: string, correction: any}} Before */
/** How a change is undone, and what is said then. @typedef {{text: string, undo: () => Promise<void>}} Done */

const MAX_UNDO = 200; // changes

export class Corrections {
  /**
   * @param {(method: string, params: Object<string, any>) => Promise<any>} request resolves to null after an error
   * @param {(text: string, isGood?: boolean) => void} notify
   */
  constructor(request, notify) {
    this._request = request;
    this._notify = notify;
    /** The changes, the latest last. @type {Done[]} */
    this._done = [];
  }

  /** Forget what could be undone: another timeline is opened. */
  clear() {
    this._done = [];
  }

  /** @param {readonly SegmentState[]} segments @param {string} tag */
  addTag(segments, tag) {
    return this._change(segments, { tags: [{ tag, confidence: 1 }] }, `${tag} was added to`);
  }

  /** @param {readonly SegmentState[]} segments @param {string} tag */
  removeTag(segments, tag) {
    return this._change(segments, { untag: [tag] }, `${tag} was removed from`);
  }

  /** @param {SegmentState} segment @param {string} caption */
  setCaption(segment, caption) {
    return this._change([segment], { caption }, "the caption was changed in");
  }

  /** Return a segment to the answers of the models. @param {SegmentState} segment */
  reset(segment) {
    return this._change([segment], { reset: true }, "the models' answer was restored in");
  }

  /** Undo the latest change of this page. */
  async undo() {
    const done = this._done.pop();
    if (!done) {
      this._notify("There is nothing to undo.");
      return;
    }
    await done.undo();
    this._notify(`Undone: ${done.text}`, true);
  }

  /** Keep how a change is undone. @param {string} text what is said then @param {() => Promise<void>} undo */
  remember(text, undo) {
    this._done.push({ text, undo });
    if (this._done.length > MAX_UNDO) this._done.shift();
  }

  /** Give segments the corrections that they had. @param {readonly Before[]} changed */
  async _restore(changed) {
    for (const { segment, correction } of changed) {
      const { tags = [], untag = [], caption = null } = correction ?? {};
      await this._request("segments.correct", {
        segment,
        reset: true,
        tags,
        untag,
        ...(caption !== null && { caption }),
      });
    }
  }

  /** @param {readonly SegmentState[]} segments @param {Change} change @param {string} what was done, for undoing */
  async _change(segments, change, what) {
    /** @type {Before[]} */
    const changed = [];
    for (const segment of segments) {
      const answer = await this._request("segments.correct", { segment: segment.segment, ...change });
      if (!answer) break;
      changed.push({ segment: segment.segment, correction: segment.correction });
    }
    const where = changed.length === 1 ? changed[0].segment : counted(changed.length, "segment");
    if (changed.length) this.remember(`${what} ${where}.`, () => this._restore(changed));
    if (segments.length > 1) {
      this._notify(`${counted(changed.length, "segment")} changed.`, changed.length === segments.length);
    }
  }
}
