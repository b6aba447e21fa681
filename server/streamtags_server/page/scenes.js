/** Scenes that a person splits and merges: at the segment under the playhead, by a button or a key. */

import { el } from "./dom.js";

/** @typedef {import("./streamtags.js").SegmentState} SegmentState */
/** @typedef {import("./streamtags.js").TimelineState} TimelineState */
/** @typedef {import("./model.js").Model} Model */

/**
 * The place of the scene of a segment, -1 if it is in none yet.
 *
 * @param {TimelineState} state @param {SegmentState} segment
 */
export function sceneOf({ scenes }, segment) {
  const at = segment.start.pts;
  return scenes.findIndex(({ start, end }) => start.pts <= at && at < end.pts);
}

/**
 * What can be done about scenes at a segment: null if nothing, as at the first of all.
 *
 * @param {TimelineState} state @param {SegmentState} segment
 * @returns {{change: "split" | "merge", at: string, text: string} | null}
 */
export function changeAt(state, segment) {
  const place = sceneOf(state, segment);
  const scene = state.scenes[place];
  if (segment.index === 0 || !scene) return null;
  if (scene.first !== segment.segment) return { change: "split", at: segment.segment, text: "Split the scene here" };
  return place === 0 ? null : { change: "merge", at: scene.first, text: `Merge with scene ${place}` };
}

/** How the beginning of a scene returns to what it was. @param {TimelineState} before @param {string} segment */
function changeBack(before, segment) {
  const edit = before.scene_edits?.find((one) => one.segment === segment);
  if (!edit) return "reset";
  return edit.begins ? "split" : "merge";
}

export class Scenes {
  /**
   * @param {import("./corrections.js").Corrections} corrections
   * @param {() => void} changed called when scenes of the open timeline have been changed
   */
  constructor(corrections, changed) {
    this._corrections = corrections;
    this._changed = changed;
  }

  /**
   * Let a scene begin with a segment, or no longer.
   *
   * @param {TimelineState} state @param {SegmentState} segment
   */
  async toggle(state, segment) {
    const possible = changeAt(state, segment);
    if (possible) await this.change(state, possible.change, possible.at);
  }

  /** @param {TimelineState} state @param {"split" | "merge" | "reset"} change @param {string} at the segment */
  async change(state, change, at) {
    const here = this._corrections.here();
    const correct = async (/** @type {string} */ wanted) => {
      const isDone = Boolean(await here.request("scenes.correct", { change: wanted, at }));
      if (isDone && here.isOpen()) this._changed();
      return isDone;
    };
    await this._corrections.inOrder(async () => {
      if (!(await correct(change))) return;
      here.remember("the scenes are as they were.", () => correct(changeBack(state, at)));
    });
  }

  /** Changes when `parts` would. @param {SegmentState} segment @param {Model} model */
  keyOf(segment, { state }) {
    const edit = state.scene_edits?.find((one) => one.segment === segment.segment);
    const place = sceneOf(state, segment);
    return [place, state.scenes[place]?.first, state.scenes.length, edit?.begins, edit?.by].join(" ");
  }

  /**
   * The scene of a segment with what can be done.
   *
   * @param {SegmentState} segment @param {Model} model @param {boolean} isEditor @returns {HTMLElement[]}
   */
  parts(segment, { state }, isEditor) {
    const place = sceneOf(state, segment);
    if (place < 0) return [];
    const edit = state.scene_edits?.find((one) => one.segment === segment.segment);
    const possible = isEditor ? changeAt(state, segment) : null;
    const says = edit ? `, ${edit.begins ? "split" : "merged"} here by ${edit.by}` : "";
    return [
      el(
        "p",
        { class: "scene-line muted" },
        el("span", { text: `Scene ${place + 1} of ${state.scenes.length}${says}` }),
        possible &&
          el("button", {
            class: "scene-change",
            text: possible.text,
            title: `${possible.text} (G)`,
            on: { click: () => this.change(state, possible.change, possible.at) },
          }),
        isEditor &&
          edit &&
          el("button", {
            class: "scene-reset",
            text: "As detected",
            title: "Decide by the pictures again whether a scene begins here",
            on: { click: () => this.change(state, "reset", segment.segment) },
          }),
      ),
    ];
  }
}
