// Prints the tags of every segment on a streamtags server, as they arrive.
// Needs Node 22, or node --experimental-websocket.

import { StreamtagsClient } from "../clients/javascript/streamtags.js";

const client = new StreamtagsClient(process.argv[2] ?? "ws://127.0.0.1:8710");
client.addEventListener("error", ({ error }) => console.error(error.message));
client.subscribe("*", {}, (event) => {
  if (event.type !== "segment.tagged") return;
  console.log(event.data.segment, ...event.data.tags.map(({ tag, confidence }) => `${tag} ${confidence.toFixed(2)}`));
});
