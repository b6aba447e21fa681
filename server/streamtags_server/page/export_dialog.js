/** The dialog to export the open timeline: the formats of the server, each with the options that it takes. */

import { byId, el, on } from "./dom.js";
import { download } from "./server.js";

/** The simple options, and the fields that have them. */
const FIELDS = { rate: "export-rate", start_timecode: "export-start", min_confidence: "export-confidence" };
/** Those that only a new timeline takes: an edit has its own. */
const OF_A_NEW_TIMELINE = { rate: true, start_timecode: true };

/**
 * @param {object} context
 * @param {() => import("./info.js").Info} context.info
 * @param {() => readonly string[]} context.axes of the vocabulary in use
 * @param {() => any} context.source the source, if it is known
 * @param {() => string} context.address of the timeline
 * @param {() => string} context.id
 */
export function listenForExport({ info, axes, source, address, id }) {
  const current = () => info().formats.find((one) => one.name === byId("export-format").value);
  const isOwnFormat = () => source()?.container === current()?.name;
  const isOnto = () => isOwnFormat() && byId("export-onto").checked;
  const showOptions = () => {
    byId("export-error").textContent = "";
    byId("export-goal").hidden = !isOwnFormat();
    const own = isOnto(); // an edit has a rate and a timecode of its own
    for (const part of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-option]"))) {
      const option = part.dataset.option ?? "";
      part.hidden = !current()?.options.includes(option) || (own && option in OF_A_NEW_TIMELINE);
    }
    if (!axes().length) byId("export-axes").parentElement.hidden = true;
  };
  on("export", "click", () => {
    const chosen = byId("export-format").value;
    const options = info().formats.map(({ name, description }) => {
      return el("option", { value: name, text: description || name, selected: name === chosen });
    });
    byId("export-format").replaceChildren(...options);
    byId("export-axes").replaceChildren(
      ...axes().map((value) => el("label", { class: "check" }, el("input", { type: "checkbox", value }), value)),
    );
    const video = source()?.video;
    byId("export-rate").placeholder = video?.rate ? `of the film: ${video.rate}` : "of the film";
    byId("export-start").placeholder = video?.start_timecode ?? "of the film";
    showOptions();
    byId("export-dialog").showModal();
  });
  on("export-format", "change", showOptions);
  on("export-goal", "change", showOptions);
  on("export-close", "click", () => byId("export-dialog").close());
  on("export-go", "click", async () => {
    const format = current();
    if (!format) return;
    byId("export-error").textContent = "";
    try {
      const query = queryOf(format, isOnto());
      if (isOwnFormat() && !isOnto()) query.set("new_timeline", "1");
      await download(`${address()}/export?${query}`, `${id()}.${format.suffix}`);
      byId("export-dialog").close();
    } catch (error) {
      byId("export-error").textContent = /** @type {Error} */ (error).message;
    }
  });
}

/** @param {import("./info.js").Format} format @param {boolean} onto whether markers go onto the edit itself */
function queryOf({ name, options }, onto) {
  const query = new URLSearchParams({ format: name });
  for (const [option, field] of Object.entries(FIELDS)) {
    const value = byId(field).value.trim();
    if (value && options.includes(option) && !(onto && option in OF_A_NEW_TIMELINE)) query.set(option, value);
  }
  if (options.includes("axes")) {
    for (const box of byId("export-axes").querySelectorAll("input:checked")) query.append("axis", box.value);
  }
  if (options.includes("tags")) for (const tag of listed("export-tags")) query.append("tag", tag);
  if (options.includes("colors")) for (const color of listed("export-colors")) query.append("color", color);
  return query;
}

/** The parts of a field between commas. @param {string} field */
function listed(field) {
  const parts = byId(field).value.split(",");
  return parts.map((/** @type {string} */ part) => part.trim()).filter(Boolean);
}
