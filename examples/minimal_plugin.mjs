// A plugin in 30 lines: keep a list of markers equal to a timeline while it is analyzed, and correct a segment.
// Needs Node 22, or node --experimental-websocket.
//
//   node examples/minimal_plugin.mjs ws://127.0.0.1:8710 tl_4f2a [--calm s0003]
//
// Replace `show` by what writes a marker into your program.

import { StreamtagsClient } from "../clients/javascript/streamtags.js";

const [url = "ws://127.0.0.1:8710", timeline = "last", , calm] = process.argv.slice(2);
const shown = new Map();

/** Write one marker. It is called again when the segment changes: find yours by `segment.segment`. */
function show(segment) {
  const tags = segment.tags.map(({ tag, confidence }) => `${tag} ${confidence.toFixed(2)}`).join(", ");
  console.log(`${segment.start.timecode}  ${segment.segment}  ${tags || segment.status}`);
}

const client = new StreamtagsClient(url);
client.addEventListener("error", ({ error }) => {
  console.error(error.message);
  process.exitCode = 1;
});
if (calm) {
  await client.request("segments.correct", { id: timeline, segment: calm, tags: [{ tag: "Calm", confidence: 1 }] });
}
client.subscribe(timeline, { after: 0 }, (item, state) => {
  for (const segment of state.segments) {
    if (shown.get(segment.segment) === segment) continue;
    shown.set(segment.segment, segment);
    show(segment);
  }
  if (["completed", "failed", "cancelled"].includes(state.state)) client.close();
});
