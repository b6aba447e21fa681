// The client against a fake socket: the test plays the server.

import assert from "node:assert/strict";
import { test } from "node:test";

import { StreamtagsClient, streamUrl } from "../streamtags.js";

const HELLO = { type: "hello", protocol: 1, server: "test", heartbeat_seconds: 15, limits: {}, auth: "none" };
const IDENTIFIED = { type: "identified", protocol: 1, role: "editor" };

class FakeSocket {
  /** @type {FakeSocket[]} */
  static made = [];

  constructor(url, protocols) {
    this.url = url;
    this.protocols = protocols;
    this.readyState = 1;
    this.sent = [];
    FakeSocket.made.push(this);
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
  }

  say(...messages) {
    for (const message of messages) this.onmessage({ data: JSON.stringify(message) });
  }

  break(code, reason = "") {
    this.readyState = 3;
    this.onclose({ code, reason });
  }

  /** The last message of a type that the client sent. */
  last(type) {
    return this.sent.filter((message) => message.type === type).at(-1);
  }
}

const event = (seq, epoch = "e1", timeline = "tl") => ({
  v: 1,
  timeline,
  epoch,
  seq,
  type: "segment.scented",
  at: "",
  data: {},
});

/** Wait until `isSo` returns true, for as long as a busy machine may need. @param {() => boolean} isSo */
async function until(isSo) {
  for (let n = 0; n < 500 && !isSo(); n += 1) await tick(10);
  assert.ok(isSo(), isSo.toString());
}

const tick = (ms = 5) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param {(client: StreamtagsClient, socket: () => FakeSocket) => Promise<void>} act */
async function withClient(act, options = {}) {
  FakeSocket.made = [];
  const client = new StreamtagsClient("http://host:8710", {
    WebSocket: FakeSocket,
    backoff: { first: 0.001, most: 0.001 },
    ...options,
  });
  try {
    await act(client, () => FakeSocket.made.at(-1));
  } finally {
    client.close();
  }
}

test("accepts the address of a server as people write it", () => {
  assert.equal(streamUrl("http://127.0.0.1:8710/"), "ws://127.0.0.1:8710/v1/stream");
  assert.equal(streamUrl("https://tags.example/studio"), "wss://tags.example/studio/v1/stream");
  assert.equal(streamUrl("ws://[::1]:8710/v1/stream"), "ws://[::1]:8710/v1/stream");
  assert.equal(streamUrl("host:8710"), "ws://host:8710/v1/stream");
  for (const wrong of ["", "ftp://host", "ws://", "ws://user@host", "ws://host/?token=x"]) {
    assert.throws(() => streamUrl(wrong));
  }
});

test("greets, subscribes, and resumes after the last event", () =>
  withClient(
    async (client, socket) => {
      const seen = [];
      client.subscribe("tl", { after: 0, epoch: "e1" }, (item) => seen.push(item.seq));
      socket().say(HELLO, IDENTIFIED);
      assert.deepEqual(socket().protocols, ["streamtags.v1"]);
      assert.equal(socket().sent[0].token, "secret");
      const { id, after, epoch } = socket().last("subscribe");
      assert.deepEqual([after, epoch], [0, "e1"]);
      socket().say({ type: "subscribed", id, timeline: "tl", epoch: "e1", seq: 2, recovered: true });
      for (const seq of [1, 2, 2, 1]) socket().say({ type: "event", id, event: event(seq) });
      socket().break(1012);
      await until(() => FakeSocket.made.length === 2);
      socket().say(HELLO, IDENTIFIED);
      const again = socket().last("subscribe");
      assert.deepEqual([again.after, again.epoch], [2, "e1"]);
      assert.notEqual(again.id, id);
      socket().say({ type: "event", id, event: event(3) }); // of the old id: ignored
      for (const seq of [2, 3]) socket().say({ type: "event", id: again.id, event: event(seq) });
      assert.deepEqual(seen, [1, 2, 3]);
    },
    { token: "secret" },
  ));

test("goes on at the next server when one is lost, and comes back to the first", async () => {
  FakeSocket.made = [];
  const options = { WebSocket: FakeSocket, backoff: { first: 0.001, most: 0.001 } };
  const client = new StreamtagsClient(["http://a:8710", "b:8711"], options);
  const seen = [];
  client.subscribe("tl", { after: 0, epoch: "e1" }, (item) => seen.push(item.seq));
  for (const seq of [1, 2, 3]) {
    await until(() => FakeSocket.made.length === seq);
    const socket = FakeSocket.made.at(-1);
    socket.say(HELLO, IDENTIFIED);
    assert.equal(socket.last("subscribe").after, seq - 1);
    socket.say({ type: "event", id: socket.last("subscribe").id, event: event(seq) });
    if (seq < 3) socket.break(seq === 1 ? 1012 : 1006);
  }
  client.close();
  const [a, b] = ["ws://a:8710/v1/stream", "ws://b:8711/v1/stream"];
  assert.deepEqual(
    FakeSocket.made.map(({ url }) => url),
    [a, b, a],
  );
  assert.equal(client.url, a);
  assert.deepEqual(seen, [1, 2, 3]);
  assert.throws(() => new StreamtagsClient([], options), /no address/);
});

test("subscribes again if an event is missing, and gives up on a server that always leaves one out", () =>
  withClient(async (client, socket) => {
    const seen = [];
    let failed = null;
    client.subscribe(
      "tl",
      {
        after: 0,
        epoch: "e1",
        onError: (error) => {
          failed = error;
        },
      },
      (item) => seen.push(item.seq),
    );
    socket().say(HELLO, IDENTIFIED);
    socket().say({ type: "event", id: socket().last("subscribe").id, event: event(1) });
    socket().say({ type: "event", id: socket().last("subscribe").id, event: event(3) });
    assert.equal(socket().last("subscribe").after, 1);
    for (let n = 0; n < 5; n += 1) socket().say({ type: "event", id: socket().last("subscribe").id, event: event(3) });
    assert.deepEqual(seen, [1]);
    assert.equal(failed.code, "gap");
  }));

test("accepts the snapshot of a replaced log, and ignores one that is not newer", () =>
  withClient(async (client, socket) => {
    const seen = [];
    const subscription = client.subscribe("tl", {}, (item, state) => seen.push([item.type, state.seq]));
    socket().say(HELLO, IDENTIFIED);
    const { id } = socket().last("subscribe");
    const snapshot = (seq, epoch) => ({
      type: "snapshot",
      id,
      timeline: "tl",
      epoch,
      seq,
      state: { id: "tl", epoch, seq, segments: [] },
    });
    socket().say(
      snapshot(4, "e1"),
      snapshot(3, "e1"),
      snapshot(4, "e1"),
      { type: "event", id, event: event(5) },
      snapshot(1, "e2"),
    );
    socket().say({ type: "event", id, event: event(2, "e2") });
    assert.deepEqual(seen, [
      ["snapshot", 4],
      ["segment.scented", 5],
      ["snapshot", 1],
      ["segment.scented", 2],
    ]);
    assert.equal(subscription.state.seq, 2);
    assert.equal(subscription.state.epoch, "e2");
  }));

test("requests the whole log of an epoch that it does not know yet", () =>
  withClient(async (client, socket) => {
    client.subscribe("tl", { after: 0 }, () => {});
    socket().say(HELLO, IDENTIFIED);
    socket().say({
      type: "subscribed",
      id: socket().last("subscribe").id,
      timeline: "tl",
      epoch: "e9",
      seq: 3,
      recovered: false,
    });
    assert.deepEqual([socket().last("subscribe").after, socket().last("subscribe").epoch], [0, "e9"]);
  }));

test("notices a missing event at the next heartbeat", () =>
  withClient(async (client, socket) => {
    client.subscribe("tl", { after: 0, epoch: "e1" }, () => {});
    socket().say(HELLO, IDENTIFIED);
    const { id } = socket().last("subscribe");
    socket().say({ type: "event", id, event: event(1) }, { type: "heartbeat", seqs: { tl: 2 } });
    assert.equal(socket().last("subscribe").id, id);
    socket().say({ type: "heartbeat", seqs: { tl: 2 } });
    assert.equal(socket().last("subscribe").after, 1);
  }));

test("reconnects if the server sends nothing", () =>
  withClient(async (client, socket) => {
    const closed = [];
    client.addEventListener("close", ({ code }) => closed.push(code));
    socket().say({ ...HELLO, heartbeat_seconds: 0.01 }, IDENTIFIED);
    await until(() => FakeSocket.made.length > 1);
    assert.equal(closed[0], 1006);
  }));

test("reconnects after an error without a close event", () =>
  withClient(async (client, socket) => {
    socket().onerror({});
    await until(() => FakeSocket.made.length === 2);
  }));

for (const code of [1001, 1006, 1011, 1012, 4500]) {
  test(`reconnects after close code ${code}`, () =>
    withClient(async (client, socket) => {
      socket().say(HELLO, IDENTIFIED);
      socket().break(code);
      await until(() => FakeSocket.made.length === 2);
    }));
}

for (const code of [1000, 4400, 4401, 4403, 4406, 4408, 4409, 4413, 4429]) {
  test(`does not reconnect after close code ${code}, and reports it`, () =>
    withClient(async (client, socket) => {
      const reports = [];
      client.addEventListener("error", ({ error }) => reports.push(error.code));
      client.subscribe("tl", { onError: (error) => reports.push(error.code) }, () => {});
      socket().say(HELLO, IDENTIFIED);
      const request = client.request("timelines.list");
      socket().break(code, "why");
      await assert.rejects(request);
      await tick();
      assert.equal(FakeSocket.made.length, 1);
      assert.deepEqual(reports, [code, code]);
      await assert.rejects(client.request("timelines.list"));
    }));
}

test("sends requests when connected, and reports results, errors and lost connections", () =>
  withClient(async (client, socket) => {
    const early = client.request("timelines.list");
    socket().say(HELLO, IDENTIFIED);
    socket().say({ type: "response", id: socket().last("request").id, result: [] });
    assert.deepEqual(await early, []);
    const wrong = client.request("timelines.get", { id: "tl_0" });
    socket().say({
      type: "response",
      id: socket().last("request").id,
      error: { code: "not_found", message: "no such timeline" },
    });
    await assert.rejects(wrong, { code: "not_found", message: "no such timeline" });
    const lost = client.request("timelines.analyze", { uri: "film.mp4" });
    socket().break(1006);
    await assert.rejects(lost, { code: "connection.lost" });
  }));

test("reports an unknown and a removed timeline, and nothing after unsubscribing", () =>
  withClient(async (client, socket) => {
    const reports = [];
    client.subscribe("tl_0", { onError: (error) => reports.push(error.code) }, () => {});
    client.subscribe("tl", { onRemoved: (timeline) => reports.push(timeline) }, () => reports.push("item"));
    socket().say(HELLO, IDENTIFIED);
    const [unknown, removed] = socket().sent.filter((message) => message.type === "subscribe");
    socket().say({ type: "error", code: "not_found", message: "no such timeline", reply_to: unknown.id });
    socket().say({ type: "unsubscribed", id: removed.id });
    socket().say({ type: "event", id: removed.id, event: event(1) });
    assert.deepEqual(reports, ["not_found", "tl"]);
  }));

test("says what is missing without a WebSocket", { skip: "WebSocket" in globalThis }, () => {
  assert.throws(() => new StreamtagsClient("ws://host"), /Node 22/);
});
