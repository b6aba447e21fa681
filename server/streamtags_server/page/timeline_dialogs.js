/** The dialogs for the open timeline: what they need of it, and when they can be opened. */

import { listenForRemoval, listenForRetag } from "./dialogs.js";
import { byId } from "./dom.js";
import { listenForExport } from "./export_dialog.js";

/** @typedef {import("./editor.js").Editor} Editor */

/** @param {Editor} editor @param {(text: string, isGood?: boolean) => void} notify */
export function listenForDialogs(editor, notify) {
  listenForExport({
    info: () => editor.info,
    axes: () => editor.vocabulary?.axes ?? [],
    source: () => editor.model?.state.source,
    address: () => editor.address,
    id: () => editor.id,
  });
  listenForRetag({
    vocabularies: () => editor.vocabularies,
    current: () => editor.vocabulary,
    retag: (tags) => editor.client.request("timelines.retag", { id: editor.id, tags }),
    notify,
  });
  listenForRemoval({ id: () => editor.id, name: () => editor.name });
}

/** Let dialogs be opened that offer what the timeline and the server have, if both are known. @param {Editor} editor */
export function allowDialogs(editor) {
  const isKnown = editor.model !== null && editor.vocabularies.length > 0;
  byId("retag-open").disabled = byId("export").disabled = !isKnown;
}

/** Close those that are open: they are for the timeline that was open. */
export function closeDialogs() {
  for (const dialog of ["retag", "remove", "export-dialog"]) byId(dialog).close();
}
