/** What the page has to know of the server: loaded at each connection, and again after a failure. */

import { loadInfo } from "./info.js";

/** @typedef {import("./model.js").Vocabulary} Vocabulary */
/** @typedef {{library: string, tracks: number}} Library */

/**
 * What is called with the parts when they are here, and with errors.
 *
 * @typedef {object} Listener
 * @property {(info: import("./info.js").Info, vocabularies: readonly Vocabulary[]) => void} described
 * @property {(libraries: Library[]) => void} libraries
 * @property {(text: string) => void} notify
 */

const RETRY_MS = 3000;

export class Description {
  /** @param {import("./streamtags.js").StreamtagsClient} client @param {Listener} listener */
  constructor(client, listener) {
    this._client = client;
    this._listener = listener;
    /** Counts connections: the answers to an earlier one are dropped. */
    this._connection = 0;
    client.addEventListener("open", () => this._attempt((this._connection += 1), () => this._loadAll()));
    // A library may have been added in a terminal, as the page advises.
    addEventListener("focus", () => this._attempt(this._connection, () => this._loadLibraries()));
  }

  /**
   * Load something of a connection until it is here, or there is another connection.
   *
   * @param {number} connection @param {() => Promise<() => void>} load resolves to what shows it
   * @param {string} [notified] the failure that a person has read already
   */
  async _attempt(connection, load, notified = "") {
    if (connection === 0 || connection !== this._connection) return;
    let show;
    try {
      show = await load();
    } catch (error) {
      const { message, code } = /** @type {import("./errors.js").StreamtagsError} */ (error);
      // A connection that is lost again is shown by its own sign; the description is loaded when it is back.
      if (connection !== this._connection || code === "connection.lost") return;
      if (message !== notified) this._listener.notify(message);
      setTimeout(() => this._attempt(connection, load, message), RETRY_MS);
      return;
    }
    if (connection === this._connection) show();
  }

  async _loadAll() {
    const [info, { vocabularies }, showLibraries] = await Promise.all([
      loadInfo(),
      this._client.request("vocabularies.list"),
      this._loadLibraries(),
    ]);
    return () => {
      this._listener.described(info, vocabularies);
      showLibraries();
    };
  }

  async _loadLibraries() {
    const { libraries } = await this._client.request("libraries.list");
    return () => this._listener.libraries(libraries);
  }
}
