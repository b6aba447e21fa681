/**
 * What this server can do, from `GET /v1/info`: export formats, measures, stages, profiles. The page types none of it
 * again.
 */

/**
 * @typedef {object} Format
 * @property {string} name
 * @property {string} suffix
 * @property {string} media_type
 * @property {string} description
 * @property {string[]} options names of the options that it takes
 */
/** @typedef {{name: string, title?: string, emits?: string}} Stage */

/**
 * @typedef {object} Measure
 * @property {string} name
 * @property {string} label the name in words, without the unit
 * @property {string} unit
 * @property {string} group heading under which the page shows it
 * @property {number | null} low what very little of it looks like; null for a word
 * @property {number | null} high
 * @property {string} description
 */

export class Info {
  /** @param {any} [answer] of the server */
  constructor(answer = {}) {
    /** @type {Format[]} */
    this.formats = answer.formats ?? [];
    /** @type {string[]} */
    this.profiles = answer.profiles ?? [];
    /** @type {string} */
    this.profile = answer.profile ?? "";
    /** @type {Stage[]} */
    this.stages = answer.stages ?? [];
    /** @type {Map<string, Measure>} */
    this._measures = new Map((answer.measures ?? []).map((/** @type {any} */ one) => [one.name, measureOf(one)]));
  }

  /** @param {string} name @returns {Measure | null} */
  measure(name) {
    return this._measures.get(name) ?? null;
  }

  /**
   * The measures of some evidence, in the order of the server, under their headings. Those the server does not know
   * come last.
   *
   * @param {Object<string, any>} evidence @returns {[string, Measure[]][]}
   */
  groups(evidence) {
    const unknown = Object.keys(evidence).filter((name) => !this._measures.has(name));
    const all = [...this._measures.values(), ...unknown.map((name) => measureOf({ name }))];
    /** @type {Map<string, Measure[]>} */
    const groups = new Map();
    for (const measure of all.filter(({ name }) => name in evidence)) {
      groups.set(measure.group, [...(groups.get(measure.group) ?? []), measure]);
    }
    return [...groups];
  }

  /** @param {string} name */
  stageTitle(name) {
    return this.stages.find((stage) => stage.name === name)?.title ?? capitalized(name.replaceAll("_", " "));
  }
}

/** Ends of the names of measures that repeat the unit, the longest first. */
const UNIT_WORDS =
  /_(percent(_(width|height))?(_per_second)?|per_second|per_minute|seconds|lufs|dbfs|bpm|hz|estimate)$/;

/** @param {any} measure @returns {Measure} */
function measureOf({ name, unit = "", group = "Other", low = null, high = null, description = "" }) {
  const words = name.replace(UNIT_WORDS, "").replaceAll("_", " ").replaceAll("colour", "color");
  return { name, label: capitalized(words), unit, group: capitalized(group), low, high, description };
}

/** @param {string} text */
function capitalized(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Load it. @returns {Promise<Info>} */
export async function loadInfo() {
  const response = await fetch("v1/info");
  if (!response.ok) throw new Error(`The server did not describe itself (${response.status}).`);
  return new Info(await response.json());
}
