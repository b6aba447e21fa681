/** A Premiere of the documented UXP interface, for tests: Actions belong to a lock, changes to a transaction. */

class TickTime {
  constructor(ticks) {
    this.ticks = String(ticks);
  }
}

export class FakePremiere {
  constructor({ ticksPerFrame = 254016000000n / 25n } = {}) {
    this.isModal = false;
    this.undo = [];
    this.position = null;
    this._lockedAt = 0;
    this._locks = 0;
    this._markers = [];
    this._guid = 0;
    this.sequenceId = "sequence-1";
    this.Constants = { MarkerColor: { GREEN: 0, RED: 1, MAGNETA: 2, ORANGE: 3, YELLOW: 4, BLUE: 5, CYAN: 6 } };
    this.Marker = { MARKER_TYPE_COMMENT: "Comment" };
    this.TickTime = { createWithTicks: (ticks) => new TickTime(BigInt(ticks)) };
    this._sequence = {
      guid: { toString: () => this.sequenceId },
      name: "Reel 1",
      getTimebase: async () => String(ticksPerFrame),
      setPlayerPosition: async (time) => {
        this.position = BigInt(time.ticks);
        return true;
      },
    };
    this._project = {
      getActiveSequence: async () => this._sequence,
      lockedAccess: (callback) => this._lock(callback),
      executeTransaction: (callback, name) => this._transact(callback, name),
    };
    this.Project = { getActiveProject: async () => this._project };
    this.Markers = { getMarkers: async () => this._collection };
    this._collection = {
      getMarkers: () => [...this._markers],
      createAddMarkerAction: (name, type, start, duration, comments) =>
        this._action(() => this._markers.push(this._make(name, type, start, duration, comments))),
      createRemoveMarkerAction: (marker) =>
        this._action(() => (this._markers = this._markers.filter((one) => one !== marker))),
      createMoveMarkerAction: (marker, time) => this._action(() => (marker.state.start = time)),
    };
  }

  /** What a person sees. */
  get shown() {
    return this._markers.map(({ state }) => ({
      ...state,
      start: BigInt(state.start.ticks),
      duration: BigInt(state.duration.ticks),
    }));
  }

  /** What a person does. */
  person(index, change) {
    if (change === null) this._markers.splice(index, 1);
    else Object.assign(this._markers[index].state, change);
  }

  _lock(callback) {
    if (this.isModal) throw new Error("a dialog is open");
    this._locks += 1;
    this._isLocked = true;
    try {
      callback();
    } finally {
      this._isLocked = false;
    }
  }

  /** An Action is created inside a lock, and used in the same one (since 26.3). */
  _action(run) {
    if (!this._isLocked) throw new Error("Actions are created inside lockedAccess");
    return { run, lock: this._locks };
  }

  _transact(callback, name) {
    if (this.isModal) return false;
    const actions = [];
    callback({
      addAction: (action) => {
        if (action.lock !== this._locks) throw new Error("the Action is of another lock");
        actions.push(action);
        return true;
      },
    });
    for (const { run } of actions) run();
    this.undo.push([name, actions.length]);
    return true;
  }

  _make(name, type, start, duration, comments) {
    const state = { name, type, start, duration, comments, color: 0, guid: (this._guid += 1) };
    return {
      state,
      guid: state.guid,
      getName: () => state.name,
      getComments: () => state.comments,
      getStart: () => state.start,
      getDuration: () => state.duration,
      getColorIndex: () => state.color,
      createSetNameAction: (value) => this._action(() => (state.name = value)),
      createSetCommentsAction: (value) => this._action(() => (state.comments = value)),
      createSetDurationAction: (value) => this._action(() => (state.duration = value)),
      createSetColorByIndexAction: (value) => this._action(() => (state.color = value)),
    };
  }
}

export function fakeStorage() {
  const values = new Map();
  return { getItem: (key) => values.get(key) ?? null, setItem: (key, value) => values.set(key, String(value)) };
}
