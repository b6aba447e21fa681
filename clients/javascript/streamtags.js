/**
 * The JavaScript client of a streamtags server: modules without dependencies, for browsers, Node and Adobe UXP.
 *
 *     import { StreamtagsClient } from "./streamtags.js";
 *     const client = new StreamtagsClient("ws://127.0.0.1:8710");
 *     client.subscribe("*", {}, (item, state) => console.log(state.id, state.segments.length));
 *
 * @module streamtags
 */

/** @typedef {import("./fold.js").Time} Time */
/** @typedef {import("./fold.js").TagScore} TagScore */
/** @typedef {import("./fold.js").SegmentState} SegmentState */
/** @typedef {import("./fold.js").TimelineState} TimelineState */
/** @typedef {import("./fold.js").TimelineEvent} TimelineEvent */
/** @typedef {import("./fold.js").Snapshot} Snapshot */
/** @typedef {import("./subscription.js").Subscription} Subscription */

export { RECONNECT_CODES, StreamtagsClient, streamUrl } from "./client.js";
export { StreamtagsError } from "./errors.js";
export { emptyState, fold, FoldError } from "./fold.js";
