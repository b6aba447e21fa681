/** Helpers for elements. Text from outside becomes text nodes, never markup. */

/**
 * Create an element.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Object<string, any>} [props] `class`, `text`, `on: {event: handler}`, attributes (`aria-*`), else properties
 * @param {(Node | string | null | undefined | false)[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value !== undefined && value !== null && value !== false) setProp(element, name, value);
  }
  element.append(
    .../** @type {any[]} */ (children.filter((child) => child !== null && child !== undefined && child !== false)),
  );
  return element;
}

const ATTRIBUTES = new Set(["role", "for", "list"]);

/** @param {HTMLElement} element @param {string} name @param {any} value */
function setProp(element, name, value) {
  if (name === "class") element.className = value;
  else if (name === "text") element.textContent = value;
  else if (name === "on") for (const [type, handler] of Object.entries(value)) element.addEventListener(type, handler);
  else if (name.includes("-") || ATTRIBUTES.has(name)) element.setAttribute(name, String(value));
  else /** @type {any} */ (element)[name] = value;
}

/** Return the element with that id, which the page has. @param {string} id @returns {any} */
export function byId(id) {
  return document.getElementById(id);
}

/**
 * Call `act` when the element `id` has an event of `type`.
 *
 * @param {string} id
 * @param {string} type
 * @param {(event: any) => void} act
 */
export function on(id, type, act) {
  byId(id).addEventListener(type, act);
}

/**
 * Let `parent` have these children. Those that it has stay where they are: a node that is removed and inserted again
 * loses the focus, and a click that has begun on it.
 *
 * @param {HTMLElement} parent @param {readonly HTMLElement[]} children
 */
export function arrange(parent, children) {
  const wanted = new Set(/** @type {readonly Element[]} */ (children));
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  children.forEach((child, at) => {
    if (parent.children[at] !== child) parent.insertBefore(child, parent.children[at] ?? null);
  });
}

/**
 * Return a function that calls `act` at most once for each frame of the display.
 *
 * @param {() => void} act
 * @returns {() => void}
 */
export function oncePerFrame(act) {
  let isScheduled = false;
  return () => {
    if (isScheduled) return;
    isScheduled = true;
    requestAnimationFrame(() => {
      isScheduled = false;
      act();
    });
  };
}

/** `count` with its noun: `1 segment`, `1,200 segments`. @param {number} count @param {string} noun */
export function counted(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}
