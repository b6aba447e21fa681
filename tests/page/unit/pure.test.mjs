// The parts of the page that need no browser.

import assert from "node:assert/strict";
import { test } from "node:test";

import { addressOf, parseAddress } from "../../../server/streamtags_server/page/address.js";
import { choicesOf, entriesOf, libraryOf, requestsToRestore } from "../../../server/streamtags_server/page/cues.js";
import { faceBoxes } from "../../../server/streamtags_server/page/faces.js";
import { passes, wordsOf } from "../../../server/streamtags_server/page/filter.js";
import { spokenLines } from "../../../server/streamtags_server/page/heard.js";
import { Info } from "../../../server/streamtags_server/page/info.js";
import { waitingText } from "../../../server/streamtags_server/page/live.js";
import { answerText, layOut, nextListed, nextMatch } from "../../../server/streamtags_server/page/model.js";
import { duckingAt, fadeAt, speechIn } from "../../../server/streamtags_server/page/speech.js";
import { exactName, nearestName } from "../../../server/streamtags_server/page/suggestions.js";
import { clockOf, rulerTicks, timecode } from "../../../server/streamtags_server/page/timecode.js";
import { Viewport } from "../../../server/streamtags_server/page/viewport.js";
import { loudest } from "../../../server/streamtags_server/page/waveforms.js";
import { wishOf, withWish } from "../../../server/streamtags_server/page/wishes.js";

const segment = (at, fields = {}) => ({
  segment: `s000${at}`,
  caption: null,
  text: "",
  tags: [],
  start: { seconds: at },
  end: { seconds: at + 1 },
  vocabulary: null,
  rev: 0,
  evidence: null,
  ...fields,
});
const filter = (fields) => ({ text: "", axis: "", confidence: 0, heard: "", ...fields });
const labels = (rate, start, from, span, room) => {
  return rulerTicks(clockOf({ rate, start_timecode: start }), from, span, room).map((tick) => tick.label);
};

test("splits the filter into words, and keeps quoted words together", () => {
  assert.deepEqual(wordsOf('Boat  "High Energy" fog'), ["boat", "high energy", "fog"]);
  assert.deepEqual(wordsOf(' "" '), []);
  assert.deepEqual(wordsOf('"open'), ["open"]);
});

test("passes segments that have all words, anywhere", () => {
  const one = segment(1, { caption: "A boat in the fog", text: "Hello" });
  const matches = (text) => passes(one, ["calm"], wordsOf(text), filter({ text }));
  assert.ok(matches("boat calm"));
  assert.ok(matches("s0001 hello"));
  assert.ok(!matches("boat tense"));
  assert.ok(matches(""));
});

test("passes segments with a tag of the axis", () => {
  assert.ok(!passes(segment(1, { caption: "A boat" }), [], ["boat"], filter({ text: "boat", axis: "mood" })));
  assert.ok(passes(segment(1), ["calm"], [], filter({ axis: "mood" })));
  assert.ok(!passes(segment(1), [], [], filter({ confidence: 0.5 })));
});

test("passes segments with dialogue or music", () => {
  const heard = (content, lines = []) => segment(1, { answers: { heard: { content }, transcribed: { lines } } });
  assert.ok(passes(heard({ speech: 0.3 }), [], [], filter({ heard: "dialogue" })));
  assert.ok(passes(heard({}, [{ text: "Hello" }]), [], [], filter({ heard: "dialogue" })));
  assert.ok(!passes(heard({ speech: 0.3 }), [], [], filter({ heard: "music" })));
  assert.ok(passes(heard({ singing: 0.3 }), [], [], filter({ heard: "music" })));
  assert.ok(!passes(segment(1), [], [], filter({ heard: "music" })));
});

test("places spoken words, and a line without words as one", () => {
  const time = (seconds) => ({ seconds, time_base: "1/1000" });
  const lines = [
    {
      text: "Hold it",
      start: time(1),
      end: time(2),
      words: [
        { text: "Hold", start: 1000, end: 1500 },
        { text: "it", start: 1500, end: 2000 },
      ],
    },
    { text: "Now", start: time(3), end: time(4) },
  ];
  assert.deepEqual(spokenLines({ start: time(0), answers: { transcribed: { lines } } }), [
    [
      { text: "Hold", start: 1, end: 1.5 },
      { text: "it", start: 1.5, end: 2 },
    ],
    [{ text: "Now", start: 3, end: 4 }],
  ]);
});

test("goes to the next match and around the end", () => {
  const model = { matches: Uint8Array.from([1, 0, 0, 1]) };
  assert.equal(nextMatch(model, 0, 1), 3);
  assert.equal(nextMatch(model, 3, 1), 0);
  assert.equal(nextMatch(model, 1, -1), 0);
  assert.equal(nextMatch({ matches: new Uint8Array(4) }, 0, 1), -1);
});

test("goes to the next row of a filtered list and stays at its ends", () => {
  const model = { matches: Uint8Array.from([0, 1, 0, 1]) };
  assert.equal(nextListed(model, 1, 1), 3);
  assert.equal(nextListed(model, 3, 1), 3);
  assert.equal(nextListed(model, 3, -1), 1);
  assert.equal(nextListed(model, 1, -1), 1);
  assert.equal(nextListed(model, 0, 1), 1);
});

test("shows what was read, said and heard as a person would say it", () => {
  const lines = [{ text: "THE END", confidence: 1, pts: 3 }, { text: "Rome" }];
  assert.equal(answerText({ rev: 1, model: "m", ms: 2, lines, frames: [3] }), "THE END / Rome");
  assert.equal(answerText({ rev: 1, model: "m", lines: [], frames: [3] }), "");
  assert.equal(answerText({ rev: 1, lines: [], skipped: "no time" }), "no time");
  const content = { speech: 0.1, singing: 0.01, music: 0.92, other: 0 };
  assert.equal(answerText({ rev: 1, content, windows: [{ start: 0 }] }), "music 92 %, speech 10 %");
  const mute = { content: { speech: 0, other: 1 }, has_sound: false };
  assert.equal(answerText(mute), "no sound track");
  assert.equal(answerText({ rev: 1, boats: 3 }), "3");
  const faces = { rev: 1, count: 2, shot_size: "close-up", expressions: [{ label: "joy", confidence: 0.71 }] };
  assert.equal(answerText(faces), "2 faces, close-up, apparent joy 0.7");
  assert.equal(answerText({ ...faces, count: 0, shot_size: "none", expressions: [] }), "no faces");
});

test("outlines faces that are boxes", () => {
  const box = [0.1, 0.2, 0.3, 0.4];
  const boxes = [box, [0.1, 0.2, 0.3], [0.1, 2, 0.3, 0.4], ["0.1", null, 0.3, 0.4], "0.1", null];
  assert.deepEqual(faceBoxes({ answers: { faces: { boxes } } }), [box]);
  assert.deepEqual(faceBoxes({ answers: { faces: { boxes: "none" } } }), []);
  assert.deepEqual(faceBoxes({ answers: {} }), []);
});

test("lays out lanes by axis, curves by measure, and answers of further stages", () => {
  const vocabulary = { name: "v", id: "v", version: "1", axes: ["mood"], tags: [{ name: "Calm", axis: "mood" }] };
  const info = new Info({
    measures: [{ name: "loudness_lufs", unit: "LUFS", low: -60, high: -8, group: "sound", description: "" }],
    stages: [{ name: "slate", title: "Slates" }],
  });
  const tags = [
    { tag: "Calm", confidence: 0.9 },
    { tag: "Odd", confidence: 0.5 },
  ];
  const segments = [
    segment(0, {
      tags,
      evidence: { loudness_lufs: -20 },
      answers: { slate: { rev: 1, model: "m", text: "2A take 3" } },
    }),
    segment(1),
  ];
  const state = { segments, scenes: [], source: null, progress: null, vocabulary: { id: "v", version: "1" } };
  const model = layOut(state, [vocabulary], filter(), info);
  assert.deepEqual(
    model.lanes.map((lane) => [lane.name, lane.tags]),
    [
      ["mood", ["Calm", null]],
      ["other", ["Odd", null]],
    ],
  );
  assert.deepEqual([model.curves[0].name, model.curves[0].values[0], model.curves[0].low], ["Loudness", -20, -60]);
  assert.deepEqual(
    [model.answers[0].title, model.answers[0].textAt(0), model.answers[0].textAt(1)],
    ["Slates", "2A take 3", null],
  );
  assert.deepEqual([model.duration, model.matching, model.filtered], [2, 2, false]);
});

test("shows measures with label and unit under their headings, unknown ones last", () => {
  const info = new Info({ measures: [{ name: "pan_percent_width_per_second", unit: "%/s", group: "movement" }] });
  const groups = info.groups({ odd_thing: 1, pan_percent_width_per_second: 2 });
  assert.deepEqual(
    groups.map(([title, measures]) => [title, measures.map(({ label, unit }) => [label, unit])]),
    [
      ["Movement", [["Pan", "%/s"]]],
      ["Other", [["Odd thing", ""]]],
    ],
  );
});

test("labels the ruler with whole seconds at NTSC rates and in drop-frame", () => {
  assert.deepEqual(labels("25/1", "10:00:00:00", 0, 3, 1), [
    "10:00:00:00",
    "10:00:01:00",
    "10:00:02:00",
    "10:00:03:00",
  ]);
  assert.deepEqual(labels("24000/1001", "01:00:00:00", 3600, 3, 1), ["01:59:57:00", "01:59:58:00", "01:59:59:00"]);
  assert.deepEqual(labels("30000/1001", "00:00:00;00", 58, 4, 2), ["00:00:58;00", "00:01:00;02", "00:01:02;00"]);
  assert.deepEqual(labels("30000/1001", "00:00:00;00", 7199.9, 61, 30), ["02:00:00;00", "02:00:30;00", "02:01:00;02"]);
});

test("labels single frames where there is room", () => {
  assert.deepEqual(labels("24/1", "00:00:00:12", 0, 0.1, 0.04), ["00:00:00:12", "00:00:00:13", "00:00:00:14"]);
});

test("counts timecode as SMPTE does", () => {
  const clock = clockOf({ rate: "30000/1001", start_timecode: "00:00:59;28" });
  assert.equal(timecode(clock, 0), "00:00:59;28");
  assert.equal(timecode(clock, 2.1 / (30000 / 1001)), "00:01:00;02");
});

test("suggests the tag that a person meant", () => {
  const names = ["Tense", "High Energy", "Calm"];
  assert.equal(exactName("  high   ENERGY ", names), "High Energy");
  assert.equal(exactName("tens", names), null);
  assert.equal(nearestName("tens", names), "Tense");
  assert.equal(nearestName("hihg energy", names), "High Energy");
  assert.equal(nearestName("xylophone", names), null);
});

test("zooms around a moment and stays within the timeline", () => {
  const view = new Viewport();
  Object.assign(view, { duration: 100, width: 1116 });
  view.fit();
  view.zoom(0.1, 50);
  assert.ok(Math.abs(view.x(50) - (116 + (50 / 100.5) * 1000)) < 1e-9);
  view.start = -5;
  view.clamp();
  assert.equal(view.start, 0);
  view.zoom(1e-9, 50);
  assert.equal(view.span, 0.4);
  assert.ok(!view.isFitted);
});

test("says what a source waits for", () => {
  const state = { seq: 1, live: null, error: null };
  assert.match(waitingText(state, { name: "udp://127.0.0.1:9000", state: "running" }), /sender to connect to udp:/);
  assert.match(waitingText(state, { name: "rtsp://camera", state: "running" }), /rtsp:\/\/camera to answer/);
  assert.match(waitingText({ ...state, seq: 0 }, { name: "", state: "queued" }), /free worker/);
  assert.match(waitingText({ ...state, seq: 0 }, { name: "srt://a", state: "running" }), /sender to connect to srt:/);
  const cancelled = waitingText({ ...state, state: "cancelled" }, { name: "udp://a", state: "cancelled" });
  assert.equal(cancelled, "Cancelled before udp://a was read");
  const lost = { error: { message: "refused" }, retry_seconds: 4 };
  assert.equal(waitingText({ ...state, live: { lost } }, { name: "", state: "" }), "refused; next attempt in 4 s");
});

test("reads timeline and segment from the address", () => {
  assert.deepEqual(parseAddress("#/tl_a1/s0012"), { id: "tl_a1", segment: "s0012" });
  assert.deepEqual(parseAddress("#/tl_a1"), { id: "tl_a1", segment: "" });
  for (const hash of ["", "#", "#/", "#/tl_a1/", "#/<b>", "#/a/b/c"]) assert.equal(parseAddress(hash).id, "");
  assert.equal(addressOf("tl_a1", "s0012"), "#/tl_a1/s0012");
  assert.equal(addressOf(""), "");
});

test("draws the loudest peak of a stretch, a third as high at -20 dBFS", () => {
  const peaks = Uint8Array.from([0, 170, 255]);
  assert.equal(loudest(peaks, 0, 0.4), 0);
  assert.ok(Math.abs(loudest(peaks, 0, 2) - 10 ** -0.5) < 0.01);
  assert.equal(loudest(peaks, 0.5, 2.5), 1);
  assert.equal(loudest(peaks, 7, 9), 0);
});

test("writes the sliders into the guide, and reads them from it", () => {
  assert.equal(withWish("hopeful, +piano", "tempo", -2), "hopeful, +piano, slower");
  assert.equal(withWish("hopeful, slower, +piano", "tempo", 3), "hopeful, +piano, much faster");
  assert.equal(withWish("much calmer; slower", "energy", 0), "slower");
  assert.equal(withWish("", "energy", 1), "a bit more energetic");
  assert.equal(wishOf("Hopeful,  Much  calmer", "energy"), -3);
  assert.equal(wishOf("a slower song", "tempo"), 0);
  for (let position = -3; position <= 3; position += 1) {
    assert.equal(wishOf(withWish("x, y", "tempo", position), "tempo"), position);
    assert.equal(wishOf(withWish("x, y", "energy", position), "energy"), position);
  }
});

test("finds speech in transcripts, else in what was heard, else in measurements", () => {
  const span = (at, fields) => ({
    ...segment(at, fields),
    start: { seconds: at, time_base: "1/10" },
    end: { seconds: at + 1 },
  });
  const line = { text: "Hold", start: { seconds: 1.25 }, end: { seconds: 1.75 } };
  const windows = [
    { start: 20, end: 25, content: { speech: 0.9 } },
    { start: 25, end: 30, content: { speech: 0.1 } },
  ];
  const film = [
    span(0, { evidence: { speech_share: 0.6 } }),
    span(1, { answers: { transcribed: { lines: [line, { text: "" }] } } }),
    span(2, { answers: { heard: { content: { speech: 0.5 }, windows } } }),
    span(3, { evidence: { speech_share: 0.1 } }),
  ];
  assert.deepEqual(speechIn(film, 0, 4), [
    { start: 0, end: 1 },
    { start: 1.25, end: 1.75 },
    { start: 2, end: 2.5 },
  ]);
  assert.deepEqual(speechIn(film, 2.6, 4), []);
});

test("music is quieter under speech, with ramps around it", () => {
  const speech = [{ start: 2, end: 3 }];
  assert.equal(duckingAt(speech, 0), 1);
  assert.equal(duckingAt(speech, 2.5), 0.25);
  assert.ok(duckingAt(speech, 1.9) > 0.25 && duckingAt(speech, 1.9) < 1);
  assert.ok(duckingAt(speech, 3.3) > duckingAt(speech, 3.1));
  assert.equal(duckingAt(speech, 3.7), 1);
  assert.equal(duckingAt([], 2.5), 1);
});

test("fades a track in and out, and is silent outside its part", () => {
  const fit = { offset_seconds: 0, seconds: 10, fade_in_seconds: 0.5, fade_out_seconds: 2 };
  assert.deepEqual(
    [-0.1, 0, 0.25, 5, 9, 10].map((at) => fadeAt(fit, at)),
    [0, 0, 0.5, 1, 0.5, 0],
  );
  assert.equal(fadeAt({ seconds: 10 }, 0), 1);
});

test("orders the tracks of a cue by what is decided, and says how to bring decisions back", () => {
  const track = (name) => ({ track: name, title: name, artist: "", score: 0.5, why: "" });
  const cue = { cue: "1M1", decision: "accepted", chosen: track("b"), rejected: ["a"], by: "ada" };
  const state = { spotting: [cue], cues: [{ cue: "1M1", library: "l", cues: [track("a"), track("b"), track("c")] }] };
  const [entry] = entriesOf(state);
  assert.deepEqual(
    choicesOf(entry).map((one) => [one.track.track, one.status]),
    [
      ["b", "chosen"],
      ["c", "suggested"],
      ["a", "rejected"],
    ],
  );
  assert.deepEqual(requestsToRestore(cue), [
    { cue: "1M1", decision: "reset" },
    { cue: "1M1", decision: "reject", track: "a" },
    { cue: "1M1", decision: "accept", track: "b" },
  ]);
  assert.deepEqual(entriesOf({ cues: [] }), []);
});

test("a chosen track stays of its library, whatever was suggested since", () => {
  const track = (name, more = {}) => ({ track: name, title: name, artist: "", score: 0.5, why: "", ...more });
  const chosen = track("1", { library: "attic" });
  const cue = { cue: "1M1", decision: "accepted", chosen, rejected: [], by: "ada" };
  const [entry] = entriesOf({
    spotting: [cue],
    cues: [{ cue: "1M1", library: "house", cues: [track("1"), track("2")] }],
  });
  assert.deepEqual(
    choicesOf(entry).map((one) => [one.track.track, one.status, libraryOf(entry, one)]),
    [
      ["1", "chosen", "attic"],
      ["1", "suggested", "house"],
      ["2", "suggested", "house"],
    ],
  );
  assert.deepEqual(requestsToRestore(cue).at(-1), { cue: "1M1", decision: "accept", track: "1", library: "attic" });
  const refused = { ...cue, chosen: null, rejected: ["1", "2"], rejected_in: { 1: ["attic"], 2: ["attic", "house"] } };
  assert.deepEqual(
    choicesOf({ cue: refused, suggested: entry.suggested }).map((one) => [one.track.track, one.status]),
    [
      ["1", "suggested"],
      ["2", "rejected"],
    ],
  );
  assert.deepEqual(requestsToRestore(refused)[1], { cue: "1M1", decision: "reject", track: "1", library: "attic" });
  const older = { cue: { ...cue, chosen: track("1") }, suggested: entry.suggested };
  assert.equal(libraryOf(older, choicesOf(older)[0]), "house");
});
