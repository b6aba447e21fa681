// Follows a timeline to its end and prints, as one line of JSON, every event that arrived and the folded state.
//
//   node --experimental-websocket follow.mjs URL[,URL...] TIMELINE

import { StreamtagsClient } from "../../clients/javascript/streamtags.js";

const [urls, timeline] = process.argv.slice(2);
const client = new StreamtagsClient(urls.split(","), { backoff: { first: 0.005, most: 0.2 } });
const events = [];
let connections = 0;
client.addEventListener("open", () => {
  connections += 1;
});
client.addEventListener("error", ({ error }) => {
  throw error;
});
client.subscribe(
  timeline,
  {
    after: 0,
    onError: (error) => {
      throw error;
    },
  },
  (event, state) => {
    events.push(event);
    if (!["timeline.completed", "timeline.cancelled"].includes(event.type)) return;
    client.close();
    process.stdout.write(JSON.stringify({ events, state, connections }));
  },
);
