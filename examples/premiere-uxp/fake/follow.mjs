// Follows a timeline into a fake Premiere until standard input ends, while a person works on it. Prints the markers.
//
//   node --experimental-websocket follow.mjs URL TIMELINE

import { Follower } from "../follower.js";
import { Host } from "../host.js";
import { fakeStorage, FakePremiere } from "./premiere.js";

const MIN_CHANGES = 3;
const [url, timeline] = process.argv.slice(2);
const premiere = new FakePremiere();
const changed = { renamed: [], deleted: [] };
let connections = 0;
let isToStop = false;
const follower = new Follower(url, new Host(premiere), {
  storage: fakeStorage(),
  backoff: { first: 0.005, most: 0.2 },
  settleMs: 10,
  tickMs: 50,
  onStatus: (text) => (connections += text === "connected" ? 1 : 0),
  onState: () => undefined,
});
follower.choose(timeline);

/** A person renames and deletes a marker that was not touched yet, while a dialog comes and goes. */
function work() {
  const names = new Set([...changed.renamed, ...changed.deleted]);
  const free = premiere.shown.map(({ start }, index) => [Number(start), index]).filter(([start]) => !names.has(start));
  premiere.isModal = !premiere.isModal;
  if (premiere.isModal || free.length < 2) return;
  const [[renamed, first], [deleted, second]] = free;
  premiere.person(first, { name: "use this take" });
  premiere.person(second, null);
  changed.renamed.push(renamed);
  changed.deleted.push(deleted);
  if (isToStop) stop();
}

/** The person stops once there are enough changes to see whether they are kept. */
function stop() {
  isToStop = true;
  if (changed.renamed.length < MIN_CHANGES) return;
  clearInterval(working);
  premiere.isModal = false;
}

const working = setInterval(work, 150);
process.stdin.resume();
process.stdin.on("data", stop);
process.stdin.on("end", () => {
  const shown = premiere.shown.map(({ name, start, color, comments }) => ({
    name,
    start: Number(start),
    color,
    comments,
  }));
  process.stdout.write(JSON.stringify({ shown, state: follower.state, changed, connections }));
  follower.close();
});
