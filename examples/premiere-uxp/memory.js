/** What is known from one update to the next and is not in a marker: which ones a person deleted or recolored. */

/** @typedef {{getItem(key: string): string | null, setItem(key: string, value: string): void}} Storage */

/** The markers written to one sequence for one log; kept in the panel's storage. */
export class Memory {
  /** @param {Storage} storage @param {string} sequence @param {string} log id and epoch of the timeline */
  constructor(storage, sequence, log) {
    this._storage = storage;
    this._key = `markers ${sequence} ${log}`;
    const known = read(storage, this._key);
    /** @type {Set<string>} */
    this._dismissed = new Set(known.dismissed ?? []);
    /** @type {Set<string>} */
    this._present = new Set(known.present ?? []);
    /** The color that each marker was given. @type {Map<string, number>} */
    this._colors = new Map(known.colors ?? []);
    /** @type {Set<string>} */
    this._due = new Set();
  }

  /**
   * Compare the markers that are there with those that were written: a missing one that is still wanted was deleted.
   *
   * @param {Iterable<string>} present @param {Map<string, unknown>} wanted
   */
  see(present, wanted) {
    const now = new Set(present);
    for (const key of this._present) if (!now.has(key) && wanted.has(key)) this._dismissed.add(key);
    for (const key of now) this._dismissed.delete(key);
    this._present = now;
    this._save();
  }

  /** @param {string} key */
  isDismissed(key) {
    return this._dismissed.has(key);
  }

  /** Note markers that are about to be removed by this program. @param {string[]} keys */
  forget(keys) {
    for (const key of keys) {
      this._present.delete(key);
      this._colors.delete(key);
    }
    this._save();
  }

  /** @param {string[]} keys */
  wrote(keys) {
    for (const key of keys) this._present.add(key);
    this._save();
  }

  /**
   * Whether a marker may be colored: it has the color that it was given, or never got one.
   *
   * @param {string} key @param {number} now @param {boolean} written
   */
  mayColor(key, now, written) {
    const given = this._colors.get(key);
    return this._due.has(key) || (written && (given === undefined || given === now));
  }

  /** Note markers whose color is about to be set, and is set later if that fails. @param {Iterable<string>} keys */
  colorsDue(keys) {
    for (const key of keys) this._due.add(key);
  }

  /** @param {string} key @param {number} index */
  colored(key, index) {
    this._due.delete(key);
    if (this._colors.get(key) === index) return;
    this._colors.set(key, index);
    this._save();
  }

  _save() {
    const fields = { dismissed: [...this._dismissed], present: [...this._present], colors: [...this._colors] };
    this._storage.setItem(this._key, JSON.stringify(fields));
  }
}

/** @param {Storage} storage @param {string} key @returns {any} */
function read(storage, key) {
  try {
    return JSON.parse(storage.getItem(key) ?? "{}") ?? {};
  } catch {
    return {}; // damaged: no marker counts as deleted
  }
}
