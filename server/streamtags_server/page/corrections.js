/** What a person changes: tags and captions of one segment or of many. */

import { counted } from "./dom.js";

/** @typedef {import("./streamtags.js").SegmentState} SegmentState */
/** @typedef {{tags?: import("./streamtags.js").TagScore[], untag?: string[], caption?: string}} Change */

export class Corrections {
  /**
   * @param {(method: string, params: Object<string, any>) => Promise<any>} request resolves to null after an error
   * @param {(text: string, isGood?: boolean) => void} notify
   */
  constructor(request, notify) {
    this._request = request;
    this._notify = notify;
  }

  /** @param {readonly SegmentState[]} segments @param {string} tag */
  addTag(segments, tag) {
    return this._change(segments, () => ({ tags: [{ tag, confidence: 1 }] }));
  }

  /** @param {readonly SegmentState[]} segments @param {string} tag */
  removeTag(segments, tag) {
    return this._change(segments, () => ({ untag: [tag] }));
  }

  /** @param {SegmentState} segment @param {string} caption */
  setCaption(segment, caption) {
    return this._change([segment], () => ({ caption }));
  }

  /** @param {readonly SegmentState[]} segments @param {(segment: SegmentState) => Change} changeOf */
  async _change(segments, changeOf) {
    let done = 0;
    for (const segment of segments) {
      const answer = await this._request("segments.correct", { segment: segment.segment, ...changeOf(segment) });
      if (!answer) break;
      done += 1;
    }
    if (segments.length > 1) this._notify(`${counted(done, "segment")} changed.`, done === segments.length);
  }
}
