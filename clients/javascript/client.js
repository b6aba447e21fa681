/** The connection to a streamtags server: requests, subscriptions, and reconnecting. */

import { StreamtagsError } from "./errors.js";
import { Subscription } from "./subscription.js";

/** @typedef {"viewer" | "editor"} Role */
/** @typedef {import("./subscription.js").SubscribeOptions} SubscribeOptions */
/** @typedef {import("./subscription.js").Listener} Listener */

/** A client reconnects, with backoff, after these close codes and no others. */
export const RECONNECT_CODES = Object.freeze([1001, 1006, 1011, 1012, 4500]);

const SUBPROTOCOL = "streamtags.v1";
const PATH = "/v1/stream";
const PROTOCOL_VERSION = 1;
const HELLO_TIMEOUT_SECONDS = 10;
const CLOSE_TIMEOUT_SECONDS = 0.1;
const MISSED_HEARTBEATS = 2.5;
const BACKOFF = { first: 0.25, most: 30 };
// Messages that show that the server works again, so that the next wait is short again.
const SIGNS_OF_LIFE = ["event", "snapshot", "heartbeat", "response"];

/**
 * @typedef {object} ClientOptions
 * @property {string} [token] for a server that requires one
 * @property {string} [client] the name of this client in the log of the server
 * @property {{first: number, most: number}} [backoff] seconds: the longest first wait, and the longest wait ever
 * @property {any} [WebSocket] the class to use; Node before 22 has none of its own
 */

/**
 * Follows timelines on a server. After a lost connection it reconnects and continues; no event is missing, none is sent
 * twice.
 *
 * Events: `open` {role} when the server has accepted the client, `close` {code, reason, retrySeconds} when a connection
 * is lost, and `error` {error} when the client does not reconnect.
 */
export class StreamtagsClient {
  /**
   * @param {string | string[]} url `ws://127.0.0.1:8710`, or the address of the page; of several servers of one store,
   *   the next is used when one is lost
   * @param {ClientOptions} [options]
   */
  constructor(url, options = {}) {
    this._urls = [url].flat().map(streamUrl);
    if (this._urls.length === 0) throw new StreamtagsError("no address of a server was given", "usage");
    /** @type {Role | null} */
    this.role = null;
    /** The last `hello` message of the server. @type {any} */
    this.hello = null;
    this._options = options;
    this._WebSocket = options.WebSocket ?? globalThis.WebSocket;
    if (!this._WebSocket) {
      throw new StreamtagsError("there is no WebSocket: use Node 22, or node --experimental-websocket", "usage");
    }
    /** @type {any} */
    this._socket = null;
    this._isOpen = false;
    this._isClosed = false;
    this._attempt = 0;
    this._lastId = 0;
    this._lastPing = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this._timer = undefined;
    /** @type {Set<Subscription>} */
    this._subscriptions = new Set();
    /** @type {Map<string, Subscription>} */
    this._byId = new Map();
    /** @type {Map<string, {message: object, resolve: (result: any) => void, reject: (error: Error) => void}>} */
    this._requests = new Map();
    /** @type {Map<string, Set<(event: any) => void>>} */
    this._listeners = new Map();
    this._connect();
  }

  /** The server in use. */
  get url() {
    return this._urls[0];
  }

  /** @param {"open" | "close" | "error"} type @param {(event: any) => void} listener */
  addEventListener(type, listener) {
    const listeners = this._listeners.get(type) ?? new Set();
    this._listeners.set(type, listeners.add(listener));
  }

  /** @param {"open" | "close" | "error"} type @param {(event: any) => void} listener */
  removeEventListener(type, listener) {
    this._listeners.get(type)?.delete(listener);
  }

  /**
   * Follow a timeline, or all timelines with `*`. `listener` receives each event with the state after it, and a
   * snapshot at the start and when the log is replaced. With `*`, a snapshot replaces the events missed while offline.
   *
   * @param {string} timeline
   * @param {SubscribeOptions} options
   * @param {Listener} listener
   * @returns {Subscription}
   */
  subscribe(timeline, options, listener) {
    const subscription = new Subscription(this, timeline, options, listener);
    this._subscriptions.add(subscription);
    subscription.begin();
    return subscription;
  }

  /**
   * Send a request such as `timelines.list`, now or when connected. If the connection is lost before the response, the
   * promise is rejected with the code `connection.lost`; the server may have done the work.
   *
   * @param {string} method
   * @param {Object<string, any>} [params]
   * @returns {Promise<any>}
   */
  request(method, params = {}) {
    if (this._isClosed) return Promise.reject(new StreamtagsError("the client is closed", "connection.lost"));
    const id = this._nextId();
    const message = { type: "request", id, method, params };
    return new Promise((resolve, reject) => {
      this._requests.set(id, { message, resolve, reject });
      if (this._isOpen) this._send(message);
    });
  }

  /** Send a sign of life; the server answers `pong`. Nothing is sent while there is no connection. */
  ping() {
    if (this._isOpen) this._send({ type: "ping", n: (this._lastPing += 1) });
  }

  /** Close the connection for good. */
  close() {
    this._end(null);
  }

  // The connection

  _connect() {
    const socket = new this._WebSocket(this.url, [SUBPROTOCOL]);
    this._socket = socket;
    this._setTimeout(HELLO_TIMEOUT_SECONDS);
    /** @param {() => void} act */
    const ifCurrent = (act) => {
      if (this._socket === socket) act();
    };
    socket.onmessage = (/** @type {any} */ frame) => ifCurrent(() => this._receive(frame.data));
    socket.onclose = (/** @type {any} */ close) => ifCurrent(() => this._lost(close.code, close.reason ?? ""));
    // A close event follows and says more. In Node 20 none follows if connecting fails, hence the timeout.
    socket.onerror = () => ifCurrent(() => this._setTimeout(CLOSE_TIMEOUT_SECONDS, "the connection failed"));
  }

  /** Give up a connection on which nothing arrives for so long. @param {number} seconds @param {string} [reason] */
  _setTimeout(seconds, reason = `no message for ${seconds} s`) {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => this._lost(1006, reason), seconds * 1000);
  }

  /** @param {number} code @param {string} reason */
  _lost(code, reason) {
    this._disconnect();
    if (!RECONNECT_CODES.includes(code)) {
      this._end(new StreamtagsError(`the server closed the connection (${code}${reason ? `: ${reason}` : ""})`, code));
      return;
    }
    const { first, most } = this._options.backoff ?? BACKOFF;
    // Exponential backoff with full jitter: Brooker, AWS Architecture Blog, 2015.
    const retrySeconds = Math.random() * Math.min(most, first * 2 ** Math.min(this._attempt, 30));
    this._attempt += 1;
    this._urls.push(...this._urls.splice(0, 1));
    this._timer = setTimeout(() => this._connect(), retrySeconds * 1000);
    this._dispatch({ type: "close", code, reason, retrySeconds });
  }

  _disconnect() {
    clearTimeout(this._timer);
    const socket = this._socket;
    this._socket = null;
    this._byId.clear();
    try {
      socket?.close(1000);
    } catch {
      // the socket never opened, or is closed already
    }
    if (!this._isOpen) return;
    this._isOpen = false;
    const message = "the connection was lost before the response; the server may have done the work";
    this._rejectAll(new StreamtagsError(message, "connection.lost"));
  }

  /** @param {StreamtagsError} error */
  _rejectAll(error) {
    const requests = [...this._requests.values()];
    this._requests.clear();
    for (const { reject } of requests) reject(error);
  }

  /** @param {StreamtagsError | null} error */
  _end(error) {
    if (this._isClosed) return;
    this._isClosed = true;
    this._disconnect();
    this._rejectAll(error ?? new StreamtagsError("the client is closed", "connection.lost"));
    const subscriptions = [...this._subscriptions];
    this._subscriptions.clear();
    if (!error) return;
    for (const subscription of subscriptions) subscription.options.onError?.(error);
    this._dispatch({ type: "error", error });
  }

  /** @param {any} event */
  _dispatch(event) {
    for (const listener of [...(this._listeners.get(event.type) ?? [])]) listener(event);
  }

  /** @param {object} message */
  _send(message) {
    if (this._socket?.readyState === 1) this._socket.send(JSON.stringify(message));
  }

  _nextId() {
    this._lastId += 1;
    return `c${this._lastId}`;
  }

  /** @param {any} text */
  _receive(text) {
    /** @type {any} */
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      this._end(new StreamtagsError("the server sent a message that is not JSON", 4400));
      return;
    }
    this._setTimeout((this.hello?.heartbeat_seconds ?? HELLO_TIMEOUT_SECONDS) * MISSED_HEARTBEATS);
    if (SIGNS_OF_LIFE.includes(message.type)) this._attempt = 0;
    const subscription = this._byId.get(message.id);
    switch (message.type) {
      case "hello":
        this.hello = message;
        this._identify();
        break;
      case "identified":
        this._open(message.role);
        break;
      case "event":
        subscription?.offer(message.event);
        break;
      case "snapshot":
        subscription?.offer(message);
        break;
      case "subscribed":
        subscription?.subscribed(message);
        break;
      case "unsubscribed":
        subscription?.removed(subscription.timeline);
        break;
      case "removed":
        subscription?.removed(message.timeline);
        break;
      case "heartbeat":
        for (const each of [...this._byId.values()]) each.compare(message.seqs);
        break;
      case "response":
        this._respond(message.id, message.error ?? null, message.result);
        break;
      case "error":
        this._byId.get(message.reply_to)?.fail(new StreamtagsError(message.message, message.code));
        this._respond(message.reply_to, message, null);
        break;
      default: // `pong`, `lagged`, and types of later versions
    }
  }

  _identify() {
    const { client = "streamtags.js", token } = this._options;
    this._send({ type: "identify", protocol: PROTOCOL_VERSION, client, token });
  }

  /** @param {Role} role */
  _open(role) {
    this.role = role;
    this._isOpen = true;
    for (const { message } of this._requests.values()) this._send(message);
    for (const subscription of this._subscriptions) subscription.begin();
    this._dispatch({ type: "open", role });
  }

  /** @param {string} id @param {{code: string, message: string, detail?: any} | null} error @param {any} result */
  _respond(id, error, result) {
    const request = this._requests.get(id);
    this._requests.delete(id);
    if (error) request?.reject(new StreamtagsError(error.message, error.code, error.detail));
    else request?.resolve(result ?? null);
  }
}

/**
 * Return the WebSocket address for the address of a server as a person writes it.
 *
 * @param {string} url
 * @returns {string}
 * @throws {StreamtagsError} it is not the address of a server
 */
export function streamUrl(url) {
  const pattern = /^(?:(ws|http)(s?):\/\/)?((?:\[[0-9a-f:.]+\]|[^/?#@:\s]+)(?::\d+)?)(\/[^?#]*)?$/i;
  const match = pattern.exec(url.trim());
  if (!match) {
    throw new StreamtagsError(`${url} is not the address of a server; for example ws://127.0.0.1:8710`, "usage");
  }
  const path = (match[4] ?? "").replace(/\/+$/, "");
  return `ws${(match[2] ?? "").toLowerCase()}://${match[3]}${path.endsWith(PATH) ? path : path + PATH}`;
}
