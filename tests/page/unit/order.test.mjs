// Answers that come late, fail, or come in another order.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Corrections } from "../../../server/streamtags_server/page/corrections.js";
import { Description } from "../../../server/streamtags_server/page/description.js";
import { Waveforms } from "../../../server/streamtags_server/page/waveforms.js";

/** Let everything run that waits for an answer that is there. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Corrections of the timeline `open.id`, and requests that are answered by hand. */
function corrections() {
  const open = { id: "tl_one" };
  const requests = [];
  const notices = [];
  const request = (method, params) => new Promise((answer) => requests.push({ method, params, answer }));
  const made = new Corrections(
    request,
    (text) => notices.push(text),
    () => open.id,
  );
  return { made, open, requests, notices };
}

const segment = (name, rev = 1) => ({ segment: name, rev, correction: null });

test("changes of many segments stay with their timeline when another is opened", async () => {
  const { made, open, requests, notices } = corrections();
  made.addTag([segment("s0000"), segment("s0001")], "Calm");
  await settle();
  open.id = "tl_two";
  made.clear();
  requests[0].answer(segment("s0000", 2));
  await settle();
  requests[1].answer(segment("s0001", 2));
  await settle();
  assert.deepEqual(
    requests.map(({ params }) => [params.id, params.segment]),
    [
      ["tl_one", "s0000"],
      ["tl_one", "s0001"],
    ],
  );
  await made.undo();
  assert.deepEqual(notices, ["2 segments changed.", "There is nothing to undo."]);
});

test("an undo waits for the change before it, and takes back that one alone", async () => {
  const { made, requests } = corrections();
  const shown = segment("s0000");
  made.addTag([shown], "Calm");
  made.addTag([shown], "Tense"); // the event of the first has not come yet
  made.undo();
  await settle();
  assert.equal(requests.length, 1);
  const correction = { tags: [{ tag: "Calm", confidence: 1 }], untag: [], caption: null };
  requests[0].answer({ ...segment("s0000", 2), correction });
  await settle();
  requests[1].answer(segment("s0000", 3));
  await settle();
  assert.deepEqual(requests[2].params, {
    id: "tl_one",
    segment: "s0000",
    reset: true,
    tags: correction.tags,
    untag: [],
  });
});

test("an undo that fails can be repeated, and nothing says that it was done", async () => {
  const { made, requests, notices } = corrections();
  made.setCaption(segment("s0000"), "A boat.");
  await settle();
  requests[0].answer(segment("s0000", 2));
  for (const [at, answer] of [
    [1, null],
    [2, segment("s0000", 3)],
  ]) {
    const undone = made.undo();
    await settle();
    requests[at].answer(answer);
    await undone;
  }
  assert.deepEqual(notices, ["Undone: the caption was changed in s0000."]);
});

test("the description of the server is loaded until it is here; only the latest connection counts", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const opens = [];
  const answers = [];
  const shown = [];
  const notices = [];
  globalThis.addEventListener = () => {};
  t.mock.method(globalThis, "fetch", () => new Promise((answer) => answers.push(answer)));
  const client = {
    addEventListener: (_, act) => opens.push(act),
    request: async (method) => ({ [method.split(".")[0]]: [] }),
  };
  new Description(client, {
    described: (info) => shown.push(info.profile),
    libraries: () => {},
    notify: (text) => notices.push(text),
  });
  const info = (profile) => ({ ok: true, json: async () => ({ profile }) });
  opens[0]();
  answers[0]({ ok: false, status: 503 });
  await settle();
  t.mock.timers.tick(3000);
  opens[0](); // the connection was lost and is back
  answers[2](info("new"));
  await settle();
  answers[1](info("old"));
  await settle();
  assert.deepEqual(shown, ["new"]);
  assert.deepEqual(notices, ["The server did not describe itself (503)."]);
});

test("the waveform of segments that were measured during a request is loaded after it", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const segments = [];
  t.mock.method(globalThis, "fetch", async () => ({
    ok: true,
    json: async () => ({
      per_second: 10,
      segments: segments.map(({ segment: name }) => ({ segment: name, peaks: "gA==" })),
      next: 1,
      more: false,
    }),
  }));
  const model = () => ({ state: { source: { audio: {} }, epoch: "e" }, segments: [...segments] });
  const arrived = mock.fn();
  const waveforms = new Waveforms("v1/timelines/tl", arrived);
  segments.push({ segment: "s0000", evidence: {} });
  waveforms.update(model());
  await settle();
  segments.push({ segment: "s0001", evidence: {} });
  waveforms.update(model()); // the last event
  await settle();
  assert.equal(waveforms.get("s0001"), undefined);
  t.mock.timers.tick(1500);
  await settle();
  assert.equal(waveforms.get("s0001")?.length, 1);
  assert.equal(arrived.mock.callCount(), 2);
});
