/** What a person copies. */

/** @param {string} text @param {(text: string, isGood?: boolean) => void} notify */
export async function copyText(text, notify) {
  try {
    await navigator.clipboard.writeText(text);
    notify(`Copied ${text}.`, true);
  } catch {
    notify("The browser did not allow copying: it requires HTTPS or an address of this computer.");
  }
}
