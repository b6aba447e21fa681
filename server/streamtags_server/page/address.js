/** The address of the page: `#/tl_...` opens a timeline, `#/tl_.../s0012` one at a segment. */

const SETTLED_MS = 400; // after which a segment under a resting playhead is put into the address

/** @param {string} hash @returns {{id: string, segment: string}} "" for what is not named */
export function parseAddress(hash) {
  const [, id = "", segment = ""] = /^#\/([\w-]+)(?:\/([\w-]+))?$/.exec(hash) ?? [];
  return { id, segment };
}

/** @param {string} id @param {string} [segment] */
export function addressOf(id, segment = "") {
  return id ? `#/${id}${segment ? `/${segment}` : ""}` : "";
}

/** Keeps the address up to date, so that a copied link or a reload leads to the same segment. */
export class AddressBar {
  constructor() {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this._waiting = undefined;
  }

  /**
   * The playhead rests on a segment. Browsers limit how often an address may change.
   *
   * @param {string} id @param {string} segment
   */
  show(id, segment) {
    clearTimeout(this._waiting);
    this._waiting = setTimeout(() => {
      const wanted = addressOf(id, segment);
      if (parseAddress(location.hash).id === id && location.hash !== wanted) history.replaceState(null, "", wanted);
    }, SETTLED_MS);
  }
}
