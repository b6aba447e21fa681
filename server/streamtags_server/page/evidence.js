/** The measurements of a segment, under their headings and with their units, as the server describes them. */

import { el } from "./dom.js";

/** @param {Object<string, any> | null} evidence @param {import("./info.js").Info} info @returns {HTMLElement[]} */
export function evidenceParts(evidence, info) {
  if (!evidence) return [];
  const palette = Array.isArray(evidence.palette) ? [el("h3", { text: "Colors" }), paletteBar(evidence.palette)] : [];
  const values = Object.fromEntries(
    Object.entries(evidence).filter(([, value]) => value !== null && typeof value !== "object"),
  );
  const groups = info
    .groups(values)
    .flatMap(([title, measures]) => [
      el("h3", { text: title }),
      el("dl", { class: "evidence" }, ...measures.flatMap((measure) => measureParts(measure, values[measure.name]))),
    ]);
  return [...palette, ...groups];
}

/** @param {import("./info.js").Measure} measure @param {any} value */
function measureParts({ label, unit, description }, value) {
  const isNumber = typeof value === "number";
  const text = isNumber ? Number(value.toPrecision(3)).toLocaleString("en") : String(value).replaceAll("_", " ");
  return [
    el("dt", { text: label, title: description }),
    el("dd", { text: isNumber && unit ? `${text} ${unit}` : text }),
  ];
}

/** @param {{name: string, hex: string, share: number}[]} palette */
function paletteBar(palette) {
  const names = palette.map((color) => color.name).join(", ");
  const swatches = palette.map((color) => {
    const swatch = el("span", { title: `${color.name} ${Math.round(color.share * 100)} %` });
    swatch.style.background = /^#[0-9a-f]{6}$/i.test(color.hex) ? color.hex : "none";
    swatch.style.flexGrow = String(Math.max(0.02, color.share));
    return swatch;
  });
  return el("div", { class: "palette", role: "img", "aria-label": `Colors: ${names}` }, ...swatches);
}
