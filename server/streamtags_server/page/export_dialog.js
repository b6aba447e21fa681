/** The dialog to export the open timeline: the formats of the server, each with the options that it takes. */

import { byId, el, on } from "./dom.js";
import { download } from "./server.js";

/** The simple options, and the fields that have them. */
const FIELDS = { rate: "export-rate", start_timecode: "export-start", min_confidence: "export-confidence" };

/**
 * @param {object} context
 * @param {() => import("./info.js").Info} context.info
 * @param {() => readonly string[]} context.axes of the vocabulary in use
 * @param {() => any} context.video the `video` of the source, if it is known
 * @param {() => string} context.address of the timeline
 * @param {() => string} context.id
 */
export function listenForExport({ info, axes, video, address, id }) {
  const current = () => info().formats.find((one) => one.name === byId("export-format").value);
  const showOptions = () => {
    byId("export-error").textContent = "";
    for (const part of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-option]"))) {
      part.hidden = !current()?.options.includes(part.dataset.option ?? "");
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
    byId("export-rate").placeholder = video()?.rate ? `of the film: ${video().rate}` : "of the film";
    byId("export-start").placeholder = video()?.start_timecode ?? "of the film";
    showOptions();
    byId("export-dialog").showModal();
  });
  on("export-format", "change", showOptions);
  on("export-close", "click", () => byId("export-dialog").close());
  on("export-go", "click", async () => {
    const format = current();
    if (!format) return;
    byId("export-error").textContent = "";
    try {
      await download(`${address()}/export?${queryOf(format)}`, `${id()}.${format.suffix}`);
      byId("export-dialog").close();
    } catch (error) {
      byId("export-error").textContent = /** @type {Error} */ (error).message;
    }
  });
}

/** @param {import("./info.js").Format} format */
function queryOf({ name, options }) {
  const query = new URLSearchParams({ format: name });
  for (const [option, field] of Object.entries(FIELDS)) {
    const value = byId(field).value.trim();
    if (value && options.includes(option)) query.set(option, value);
  }
  if (options.includes("axes")) {
    for (const box of byId("export-axes").querySelectorAll("input:checked")) query.append("axis", box.value);
  }
  if (options.includes("colors")) {
    for (const part of byId("export-colors").value.split(",")) if (part.trim()) query.append("color", part.trim());
  }
  return query;
}
