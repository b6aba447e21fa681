/** Elements made in one line. Whatever comes from outside becomes text, never markup. */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Object<string, any>} [props] `class`, `text`, `on: {event: handler}`, `aria-*` and other attributes, else properties
 * @param {(Node | string | null | undefined | false)[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") made.className = value;
    else if (name === "text") made.textContent = value;
    else if (name === "on") for (const [type, heard] of Object.entries(value)) made.addEventListener(type, /** @type {any} */ (heard));
    else if (name.includes("-") || name === "role" || name === "for" || name === "list") made.setAttribute(name, String(value));
    else /** @type {any} */ (made)[name] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false).map((child) => /** @type {any} */ (child)));
  return made;
}

/** The element of that id, which the page has. @param {string} id @returns {any} */
export function byId(id) {
  return document.getElementById(id);
}

/** `act` at most once a frame, however often asked. @param {() => void} act @returns {() => void} */
export function oncePerFrame(act) {
  let asked = 0;
  return () => {
    if (!asked) asked = requestAnimationFrame(() => { asked = 0; act(); });
  };
}
