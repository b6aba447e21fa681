import assert from "node:assert/strict";
import test from "node:test";

import { Host, HostBusy } from "../host.js";
import { Memory } from "../memory.js";
import { frameAt, readTrailer, TICKS_PER_SECOND, wantedMarkers } from "../markers.js";
import { fakeStorage, FakePremiere } from "../fake/premiere.js";

const ALL = { axis: "", minConfidence: 0, offsetFrames: 0 };
const AXES = new Map([
  ["Calm", "mood"],
  ["Tense", "mood"],
  ["Night", "time"],
]);

function time(pts) {
  return { pts, time_base: "1/25", seconds: pts / 25, frame: pts, timecode: "00:00:00:00" };
}

function makeState(tags = [{ Tense: 0.9, Night: 0.4 }, { Calm: 0.8 }, {}]) {
  const segments = tags.map((scores, index) => ({
    segment: `s${index}`,
    index,
    kind: "shot",
    start: time(10 + index * 50),
    end: time(60 + index * 50),
    caption: index ? null : "A boat,\n  at sea.",
    tags: Object.entries(scores).map(([tag, confidence]) => ({ tag, confidence })),
  }));
  return { id: "tl_1", epoch: "e1", segments };
}

function setUp() {
  const premiere = new FakePremiere();
  const host = new Host(premiere);
  const memory = new Memory(fakeStorage(), "sequence-1", "tl_1 e1");
  const update = async (state = makeState(), filter = ALL) => {
    const target = await host.target();
    return host.update(target, state.id, wantedMarkers(state, target.ticksPerFrame, filter, AXES), memory);
  };
  return { premiere, host, update };
}

const frames = (premiere) => premiere.shown.map(({ start }) => Number((start * 25n) / TICKS_PER_SECOND));

test("every segment gets a marker of its color, in two undo steps", async () => {
  const { premiere, update } = setUp();
  assert.deepEqual(await update(), { added: 3, changed: 0, removed: 0, kept: 0 });
  assert.deepEqual(
    premiere.shown.map(({ name, color }) => [name, color]),
    [
      ["Tense, Night", 5],
      ["Calm", 5],
      ["Segment 3", 5],
    ],
  );
  assert.deepEqual(frames(premiere), [0, 50, 100]);
  assert.match(premiere.shown[0].comments, /^A boat, at sea\.\nTense 0\.90, Night 0\.40\n\[streamtags tl_1 s0 /);
  assert.deepEqual(premiere.undo, [
    ["streamtags markers", 3],
    ["streamtags colors", 3],
  ]);
});

test("a second update changes nothing and leaves no undo step", async () => {
  const { premiere, update } = setUp();
  await update();
  premiere.undo.length = 0;
  assert.deepEqual(await update(), { added: 0, changed: 0, removed: 0, kept: 3 });
  assert.deepEqual(premiere.undo, []);
});

test("changed tags change one marker, and filters remove and recolor", async () => {
  const { premiere, update } = setUp();
  await update();
  assert.deepEqual(await update(makeState([{ Calm: 0.9 }, { Calm: 0.8 }, {}])), {
    added: 0,
    changed: 1,
    removed: 0,
    kept: 2,
  });
  const night = await update(makeState(), { ...ALL, axis: "time", offsetFrames: 5 });
  assert.deepEqual(night, { added: 0, changed: 1, removed: 2, kept: 0 });
  assert.deepEqual([premiere.shown[0].name, premiere.shown[0].color, frames(premiere)], ["Night", 6, [5]]);
});

test("what a person changed, recolored or deleted stays", async () => {
  const { premiere, update } = setUp();
  await update();
  premiere.person(0, { name: "use this take" });
  premiere.person(1, { color: 1 });
  premiere.person(2, null);
  await update(makeState([{ Calm: 0.9 }, { Tense: 0.7 }, { Night: 1 }]));
  assert.deepEqual(
    premiere.shown.map(({ name, color }) => [name, color]),
    [
      ["use this take", 5],
      ["Tense", 1],
    ],
  );
});

test("markers of a person are not touched", async () => {
  const { premiere, host, update } = setUp();
  const target = await host.target();
  target.project.lockedAccess(() =>
    target.project.executeTransaction((compound) =>
      compound.addAction(target.markers.createAddMarkerAction("mine", "Comment", host._time(0n), host._time(1n), "")),
    ),
  );
  await update();
  await update({ ...makeState([]), segments: [] });
  assert.deepEqual(
    premiere.shown.map(({ name }) => name),
    ["mine"],
  );
});

test("while a dialog is open the update is put off and loses nothing", async () => {
  const { premiere, update } = setUp();
  premiere.isModal = true;
  await assert.rejects(update, HostBusy);
  premiere.isModal = false;
  assert.equal((await update()).added, 3);
});

test("a color that was not taken is set by the next update", async () => {
  const { premiere, update } = setUp();
  const transact = premiere._transact.bind(premiere);
  premiere._project.executeTransaction = (fill, name) => (name === "streamtags colors" ? false : transact(fill, name));
  await assert.rejects(update, HostBusy);
  premiere._project.executeTransaction = transact;
  await update();
  assert.deepEqual(
    premiere.shown.map(({ color }) => color),
    [5, 5, 5],
  );
});

test("frames are exact at NTSC rates after ninety minutes", () => {
  const ticksPerFrame = (TICKS_PER_SECOND * 1001n) / 24000n;
  for (const frame of [0, 1, 129469, 129470]) {
    assert.equal(frameAt({ pts: frame * 1001, time_base: "1/24000" }, 0, ticksPerFrame), BigInt(frame));
  }
});

test("comments of others are no trailers", () => {
  for (const comments of ["", "[streamtags]", "[streamtags tl_1 s0 xyz]", "text [streamtags tl_1 s0 00000000]"]) {
    assert.equal(readTrailer(comments), null);
  }
});
