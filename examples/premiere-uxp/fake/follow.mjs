// Follows a timeline into a fake Premiere while a person works on it. The number of an event on standard input says
// where the log ends: once it was received and nothing changes any more, the markers are printed.
//
//   node --experimental-websocket follow.mjs URL TIMELINE

import { Follower } from "../follower.js";
import { Host } from "../host.js";
import { fakeStorage, FakePremiere } from "./premiere.js";

const MIN_CHANGES = 3;
const REST_MS = 1500;
const [url, timeline] = process.argv.slice(2);
const premiere = new FakePremiere();
const changed = { renamed: [], deleted: [] };
let connections = 0;
let lastEvent = null;
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
  if (lastEvent !== null) stop();
}

/** The person stops once there are enough changes to see whether they are kept. */
function stop() {
  if (changed.renamed.length < MIN_CHANGES) return;
  clearInterval(working);
  premiere.isModal = false;
  finish(JSON.stringify(result()));
}

function result() {
  const shown = premiere.shown.map(({ name, start, color, comments }) => ({
    name,
    start: Number(start),
    color,
    comments,
  }));
  return { shown, state: follower.state, changed };
}

/** Print the result if it is as it was a while before; else look again later. */
function finish(before) {
  setTimeout(() => {
    const now = JSON.stringify(result());
    if (now !== before || follower.state.seq < lastEvent) {
      finish(now);
      return;
    }
    process.stdout.write(JSON.stringify({ ...result(), connections }));
    process.stdin.pause();
    follower.close();
  }, REST_MS);
}

const working = setInterval(work, 150);
process.stdin.on("data", (data) => {
  lastEvent = Number(data);
  stop();
});
