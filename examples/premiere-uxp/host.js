/** Reads and writes the markers of the active sequence of Premiere. */

import { commentOf, isChanged, readTrailer } from "./markers.js";

/** @typedef {import("@adobe/premierepro").premierepro} Premiere */
/** @typedef {import("@adobe/premierepro").Project} Project */
/** @typedef {import("@adobe/premierepro").Sequence} Sequence */
/** @typedef {import("@adobe/premierepro").Marker} Marker */
/** @typedef {import("@adobe/premierepro").Markers} Markers */
/** @typedef {import("@adobe/premierepro").CompoundAction} CompoundAction */
/** @typedef {import("./markers.js").Wanted} Wanted */
/** @typedef {import("./markers.js").Trailer} Trailer */
/** @typedef {import("./memory.js").Memory} Memory */
/**
 * @typedef {object} Target
 * @property {Project} project
 * @property {Sequence} sequence
 * @property {Markers} markers
 * @property {string} id
 * @property {string} name
 * @property {bigint} ticksPerFrame
 */
/** @typedef {{marker: Marker, trailer: Trailer, changed: boolean, comments: string}} Mine */
/** @typedef {{added: number, changed: number, removed: number, kept: number}} Outcome */

/** Premiere does not take changes now, as while a dialog is open; try again later. */
export class HostBusy extends Error {}

/** What a panel can do in Premiere. */
export class Host {
  /** @param {Premiere} premiere the module `premierepro` */
  constructor(premiere) {
    this._premiere = premiere;
  }

  /**
   * Return the active sequence, null if there is none.
   *
   * @returns {Promise<Target | null>}
   */
  async target() {
    const project = await this._premiere.Project.getActiveProject();
    const sequence = project ? await project.getActiveSequence() : null;
    if (!sequence) return null;
    const markers = await this._premiere.Markers.getMarkers(sequence);
    const ticksPerFrame = BigInt(await sequence.getTimebase());
    return { project, sequence, markers, id: sequence.guid.toString(), name: sequence.name, ticksPerFrame };
  }

  /** Move the playhead. @param {Target} target @param {bigint} ticks */
  async jump(target, ticks) {
    await target.sequence.setPlayerPosition(this._time(ticks));
  }

  /** @param {bigint} ticks */
  _time(ticks) {
    return this._premiere.TickTime.createWithTicks(ticks.toString());
  }

  /**
   * The markers of streamtags by their keys; a copy that a person pasted is not one.
   *
   * @param {Target} target @param {string} timeline
   */
  _mine(target, timeline) {
    /** @type {Map<string, Mine>} */
    const mine = new Map();
    for (const marker of target.markers.getMarkers()) {
      const comments = marker.getComments();
      const trailer = readTrailer(comments);
      if (!trailer || !trailer.key.startsWith(`${timeline} `) || mine.has(trailer.key)) continue;
      const shown = {
        name: marker.getName(),
        comments,
        start: BigInt(marker.getStart().ticks),
        duration: BigInt(marker.getDuration().ticks),
      };
      mine.set(trailer.key, { marker, trailer, comments, changed: isChanged(shown, trailer) });
    }
    return mine;
  }

  /**
   * Make the markers of a timeline those that are wanted. What a person changed or deleted stays so.
   *
   * Actions are created inside `lockedAccess`, as Premiere demands since 26.3, and belong to one undo step. Colors need
   * a second one, because a marker has to exist to be colored.
   *
   * @param {Target} target @param {string} timeline @param {Wanted[]} wanted @param {Memory} memory
   * @returns {Outcome}
   * @throws {HostBusy} Premiere does not take changes now
   */
  update(target, timeline, wanted, memory) {
    /** @type {Outcome} */
    const outcome = { added: 0, changed: 0, removed: 0, kept: 0 };
    /** @type {unknown} */
    let failure = new HostBusy("Premiere does not give access to the project");
    try {
      target.project.lockedAccess(() => {
        failure = null;
        try {
          this._update(target, timeline, wanted, memory, outcome);
        } catch (error) {
          failure = error; // an exception must not cross the host
        }
      });
    } catch (error) {
      failure = new HostBusy(String(error));
    }
    if (failure) throw failure;
    return outcome;
  }

  /**
   * @param {Target} target @param {string} timeline @param {Wanted[]} wanted @param {Memory} memory
   * @param {Outcome} outcome
   */
  _update(target, timeline, wanted, memory, outcome) {
    const mine = this._mine(target, timeline);
    const byKey = new Map(wanted.map((one) => [one.key, one]));
    memory.see(mine.keys(), byKey);
    const isCurrent = (/** @type {Wanted} */ one) => mine.get(one.key)?.comments === commentOf(one);
    const additions = wanted.filter((one) => !mine.has(one.key) && !memory.isDismissed(one.key));
    const changes = wanted.filter((one) => mine.has(one.key) && !mine.get(one.key)?.changed && !isCurrent(one));
    const removals = [...mine].filter(([key, { changed }]) => !byKey.has(key) && !changed);
    outcome.kept = mine.size - changes.length - removals.length;
    if (additions.length + changes.length + removals.length > 0) {
      memory.forget(removals.map(([key]) => key));
      this._transact(target, "streamtags markers", (compound) => {
        for (const [, { marker }] of removals) compound.addAction(target.markers.createRemoveMarkerAction(marker));
        for (const one of changes) this._change(target, compound, /** @type {Mine} */ (mine.get(one.key)), one);
        for (const one of additions) this._add(target, compound, one);
      });
    }
    this._color(target, timeline, byKey, memory, new Set([...additions, ...changes].map(({ key }) => key)));
    memory.wrote(additions.map(({ key }) => key));
    Object.assign(outcome, { added: additions.length, changed: changes.length, removed: removals.length });
  }

  /** @param {Target} target @param {CompoundAction} compound @param {Wanted} wanted */
  _add(target, compound, wanted) {
    const type = this._premiere.Marker.MARKER_TYPE_COMMENT;
    const [start, duration] = [this._time(wanted.start), this._time(wanted.duration)];
    compound.addAction(target.markers.createAddMarkerAction(wanted.name, type, start, duration, commentOf(wanted)));
  }

  /** @param {Target} target @param {CompoundAction} compound @param {Mine} mine @param {Wanted} wanted */
  _change(target, compound, { marker }, wanted) {
    if (marker.getName() !== wanted.name) compound.addAction(marker.createSetNameAction(wanted.name));
    if (BigInt(marker.getStart().ticks) !== wanted.start) {
      compound.addAction(target.markers.createMoveMarkerAction(marker, this._time(wanted.start)));
    }
    if (BigInt(marker.getDuration().ticks) !== wanted.duration) {
      compound.addAction(marker.createSetDurationAction(this._time(wanted.duration)));
    }
    compound.addAction(marker.createSetCommentsAction(commentOf(wanted)));
  }

  /**
   * Color markers that were just written, and those that could not be colored before. Another color is a person's.
   *
   * @param {Target} target @param {string} timeline @param {Map<string, Wanted>} wanted
   * @param {Memory} memory @param {Set<string>} written
   */
  _color(target, timeline, wanted, memory, written) {
    /** @type {Map<string, {marker: Marker, index: number, now: number}>} */
    const due = new Map();
    for (const [key, { marker }] of this._mine(target, timeline)) {
      const color = wanted.get(key)?.color;
      if (color === undefined) continue;
      const index = /** @type {any} */ (this._premiere.Constants.MarkerColor)[color];
      const now = marker.getColorIndex();
      if (memory.mayColor(key, now, written.has(key)) && now !== index) due.set(key, { marker, index, now });
      else if (now === index) memory.colored(key, index);
    }
    if (due.size === 0) return;
    memory.colorsDue(due.keys());
    this._transact(target, "streamtags colors", (compound) => {
      for (const { marker, index } of due.values()) compound.addAction(marker.createSetColorByIndexAction(index));
    });
    for (const [key, { index }] of due) memory.colored(key, index);
  }

  /**
   * @param {Target} target @param {string} name of the undo step @param {(compound: CompoundAction) => void} fill
   */
  _transact(target, name, fill) {
    /** @type {unknown} */
    let failure = null;
    const done = target.project.executeTransaction((compound) => {
      try {
        fill(compound);
      } catch (error) {
        failure = error;
      }
    }, name);
    if (failure) throw failure;
    if (!done) throw new HostBusy("Premiere does not take changes now");
  }
}
