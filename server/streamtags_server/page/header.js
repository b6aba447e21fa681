/** The line above everything: name, state, progress and counts of the open timeline. */

import { byId, counted } from "./dom.js";
import { badge, isOnAir, isRunning, remarks, waitingText } from "./live.js";
import { vocabularyOf } from "./model.js";
import { clockOf, timecode } from "./timecode.js";

/** @typedef {import("./model.js").Model} Model */

/** Nothing is known of the timeline yet. */
export function showLoading() {
  byId("title").textContent = "Loading";
  for (const id of ["counts", "state", "matching"]) byId(id).textContent = "";
  byId("state").dataset.state = "";
  byId("cancel").hidden = byId("progress").hidden = true;
  byId("waiting").hidden = true;
}

/**
 * @param {Model} model
 * @param {import("./live.js").Listed} listed
 * @param {readonly import("./model.js").Vocabulary[]} vocabularies
 */
export function showHeader({ state, duration }, listed, vocabularies) {
  const { source, progress } = state;
  const title = source?.name ?? (listed.name || state.id);
  byId("title").textContent = byId("title").title = title;
  document.title = `${title} - streamtags`;
  const { name: stateName, text } = badge(state, listed);
  byId("state").textContent = text;
  byId("state").dataset.state = stateName;
  const onAir = isOnAir(state);
  byId("cancel").hidden = !isRunning(state);
  byId("cancel").textContent = onAir ? "Stop recording" : "Cancel analysis";
  byId("progress").hidden = !isRunning(state) || onAir;
  byId("progress").value = progress?.duration_seconds ? progress.decoded_seconds / progress.duration_seconds : 0;
  byId("counts").textContent = byId("counts").title = countsText(state, vocabularies);
  byId("duration").textContent = timecode({ ...clockOf(source?.video), first: 0 }, duration);
  byId("waiting").hidden = source !== null;
  byId("waiting").textContent = source === null ? waitingText(state, listed) : "";
}

/** @param {Model["state"]} state @param {readonly import("./model.js").Vocabulary[]} vocabularies */
function countsText(state, vocabularies) {
  const failed = state.segments.filter((segment) => segment.status === "failed").length;
  const parts = [
    counted(state.segments.length, "segment"),
    state.profile,
    vocabularyOf(state, vocabularies)?.id ?? state.vocabulary?.id,
    failed ? `${failed} failed` : "",
    ...remarks(state),
    state.error?.message,
  ];
  return parts.filter(Boolean).join("  ·  ");
}
