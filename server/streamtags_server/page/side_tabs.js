/** The tabs beside the picture: the segment under the playhead, or the cues. The browser remembers which. */

import { byId, on } from "./dom.js";
import { recall, remember } from "./memory.js";

export class SideTabs {
  constructor() {
    on("tab-segment", "click", () => this.show("segment"));
    on("tab-cues", "click", () => this.show("cues"));
    on("side-tabs", "keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      event.preventDefault();
      event.stopPropagation();
      this.toggle();
      byId(byId("cues").hidden ? "tab-segment" : "tab-cues").focus();
    });
    this.show(recall("side") === "cues" ? "cues" : "segment");
  }

  toggle() {
    this.show(byId("cues").hidden ? "cues" : "segment");
  }

  /** @param {"segment" | "cues"} name */
  show(name) {
    for (const [tab, panel, isOn] of [
      ["tab-segment", "inspector", name === "segment"],
      ["tab-cues", "cues", name === "cues"],
    ]) {
      byId(String(panel)).hidden = !isOn;
      byId(String(tab)).setAttribute("aria-selected", String(isOn));
      byId(String(tab)).tabIndex = isOn ? 0 : -1;
    }
    remember("side", name === "cues" ? "cues" : "");
  }
}
