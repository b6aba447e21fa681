/** The panel: what a person sees and enters. */

import { Follower } from "./follower.js";
import { Host } from "./host.js";
import { selectedTags, tagNames } from "./markers.js";

/** @typedef {import("../../clients/javascript/streamtags.js").TimelineState} TimelineState */
/** @typedef {import("../../clients/javascript/streamtags.js").SegmentState} SegmentState */

const MAX_ROWS = 500; // a longer list makes UXP slow; the rest is in the sequence
const SETTINGS = "streamtags settings";

/** @type {Follower | null} */
let follower = null;
/** @type {Map<string, {row: HTMLElement, segment: SegmentState}>} */
const rows = new Map();

/** @param {string} id @returns {any} */
const element = (id) => document.getElementById(id);

/** @param {string} text */
function showStatus(text) {
  element("status").textContent = text;
}

function readFilter() {
  return {
    axis: element("axis").value,
    minConfidence: Number(element("confidence").value) / 100,
    offsetFrames: Math.trunc(Number(element("offset").value)) || 0,
  };
}

async function connect() {
  follower?.close();
  rows.clear();
  element("list").textContent = "";
  const token = element("token").value || undefined;
  const host = new Host(/** @type {any} */ (globalThis).streamtagsPremiere ?? require("premierepro"));
  try {
    follower = new Follower(element("server").value, host, {
      token,
      storage: localStorage,
      onStatus: showStatus,
      onState: showState,
    });
    localStorage.setItem(SETTINGS, JSON.stringify({ server: element("server").value }));
    await showTimelines(follower);
  } catch (error) {
    showStatus(error instanceof Error ? error.message : String(error));
  }
}

/** @param {Follower} current */
async function showTimelines(current) {
  const timelines = await current.timelines();
  fill(
    element("timeline"),
    timelines.map(({ id, name }) => [id, name || id]),
  );
  if (timelines.length === 0) showStatus("the server has no timelines yet");
  else choose();
}

/** @param {HTMLSelectElement} select @param {string[][]} options values and labels */
function fill(select, options) {
  const chosen = select.value;
  select.textContent = "";
  for (const [value = "", label = value] of options) {
    const option = document.createElement("option");
    option.value = value;
    option.textContent = label;
    option.selected = value === chosen;
    select.append(option);
  }
}

function choose() {
  rows.clear();
  element("list").textContent = "";
  if (!follower) return;
  applyFilter();
  follower.choose(element("timeline").value);
}

function applyFilter() {
  element("confidence-value").textContent = `${element("confidence").value} %`;
  if (!follower) return;
  follower.filter = readFilter();
  follower.writes = element("writes").checked;
  follower.schedule();
  if (follower.state) showState(follower.state, follower.axisOf);
}

/** @param {TimelineState} state @param {Map<string, string>} axisOf */
function showState(state, axisOf) {
  const axes = ["", ...[...new Set(axisOf.values())].sort()];
  const options = axes.map((axis) => [axis, axis || "all axes"]);
  if (element("axis").options.length !== axes.length) fill(element("axis"), options);
  element("count").textContent = `${state.segments.length} segments, ${state.state}`;
  for (const segment of state.segments.slice(0, MAX_ROWS)) showSegment(segment, axisOf);
}

/** @param {SegmentState} segment @param {Map<string, string>} axisOf */
function showSegment(segment, axisOf) {
  const text = tagNames(selectedTags(segment, readFilter(), axisOf));
  let entry = rows.get(segment.segment);
  if (!entry) {
    const row = document.createElement("button");
    row.className = "row";
    for (const name of ["time", "tags", "caption"]) {
      const cell = document.createElement("span");
      cell.className = name;
      row.append(cell);
    }
    row.addEventListener("click", () => follower?.jump(segment.segment).catch((error) => showStatus(String(error))));
    element("list").append(row);
    entry = { row, segment };
    rows.set(segment.segment, entry);
  }
  const values = [segment.start.timecode, text || segment.status, segment.caption ?? ""];
  entry.row.querySelectorAll("span").forEach((cell, at) => {
    if (cell.textContent !== values[at]) cell.textContent = values[at] ?? "";
  });
}

function restoreSettings() {
  try {
    element("server").value = JSON.parse(localStorage.getItem(SETTINGS) ?? "{}").server ?? element("server").value;
  } catch {
    // damaged: the default stays
  }
}

restoreSettings();
element("connect").addEventListener("click", connect);
element("timeline").addEventListener("change", choose);
for (const id of ["axis", "confidence", "offset", "writes"]) element(id).addEventListener("change", applyFilter);
