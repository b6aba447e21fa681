// The golden cases are those of the Python fold.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { FoldError, emptyState, fold } from "../streamtags.js";

const golden = JSON.parse(readFileSync(new URL("../../../tests/core/golden/fold.json", import.meta.url), "utf8"));

/** @param {any} value @returns {any} a value that throws where it is written to */
function frozen(value) {
  if (value !== null && typeof value === "object") Object.values(Object.freeze(value)).forEach(frozen);
  return value;
}

for (const { name, events, state } of golden) {
  test(`folds ${name}`, () => {
    assert.deepEqual(
      events.map(frozen).reduce((before, event) => frozen(fold(before, event)), frozen(emptyState())),
      state,
    );
  });

  test(`continues from every snapshot of ${name}`, () => {
    for (let at = 0; at <= events.length; at += 1) {
      const snapshot = JSON.parse(JSON.stringify(events.slice(0, at).reduce(fold, emptyState())));
      assert.deepEqual(events.slice(at).reduce(fold, snapshot), state);
    }
  });

  test(`is independent of other continuations of ${name}`, () => {
    const states = [emptyState()];
    for (const event of events) states.push(fold(states[states.length - 1], event));
    for (const earlier of states) {
      const seq = earlier.seq + 1;
      const other = {
        v: 1,
        timeline: "tl_test",
        epoch: "e1",
        seq,
        type: "segment.detected",
        at: "",
        data: { segment: `x${seq}`, index: seq },
      };
      fold(earlier, other);
    }
    assert.deepEqual(states.at(-1), state);
    for (let at = 0; at < events.length; at += 1) assert.deepEqual(events.slice(at).reduce(fold, states[at]), state);
  });
}

test("rejects an event after a gap, and one of another log", () => {
  const [opened, , third] = golden[1].events;
  const state = fold(emptyState(), opened);
  assert.throws(
    () => fold(state, third),
    (error) => error instanceof FoldError && error.code === "store.gap",
  );
  assert.throws(
    () => fold(state, { ...third, epoch: "e2" }),
    (error) => error instanceof FoldError && error.code === "store.epoch",
  );
  assert.equal(fold(state, opened), state);
});

test("folds a film of 10,000 segments in linear time", () => {
  const time = { pts: 0, time_base: "1/25", seconds: 0, frame: 0, timecode: "00:00:00:00" };
  let state = emptyState();
  let seq = 0;
  const emit = (type, data) => {
    seq += 1;
    state = fold(state, { v: 1, timeline: "tl", epoch: "e", seq, type, at: "", data });
  };
  for (let index = 0; index < 10_000; index += 1) {
    const segment = `s${index}`;
    emit("segment.detected", { segment, index, shot: index, start: time, end: time, kind: "shot", transition: "cut" });
    emit("segment.captioned", { segment, rev: 1, caption: "A boat.", model: "m", frames: [] });
  }
  assert.equal(state.segments.length, 10_000);
  assert.ok(state.segments.every((segment, index) => segment.index === index && segment.status === "captioned"));
});
