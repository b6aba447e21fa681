/** Requests that the page makes over HTTP; all others use the WebSocket of the client. */

import { el } from "./dom.js";

const REVOKE_MS = 10_000;

/**
 * An HTTP response that is not a success, with the server's explanation (RFC 9457). `detail` has further fields of
 * the problem.
 */
export class ServerError extends Error {
  /** @param {number} status @param {any} problem @param {string} otherwise the message if the server sent none */
  constructor(status, problem, otherwise) {
    super(problem?.detail || problem?.title || otherwise);
    this.status = status;
    this.detail = problem ?? {};
  }
}

/**
 * @param {string} url
 * @param {RequestInit} [init]
 * @returns {Promise<Response>}
 * @throws {ServerError} it was not a success
 */
async function request(url, init) {
  const response = await fetch(url, init);
  if (response.ok) return response;
  throw new ServerError(
    response.status,
    await response.json().catch(() => null),
    `The server answered ${response.status}.`,
  );
}

/** Load JSON. @param {string} url @returns {Promise<any>} @throws {ServerError} it was not a success */
export async function requestJson(url) {
  return (await request(url)).json();
}

/** Exchange a token for a cookie, with which the video and the thumbnails are requested. @param {string} token */
export async function signIn(token) {
  const headers = { "content-type": "application/json" };
  await request("v1/session", { method: "POST", headers, body: JSON.stringify({ token }) });
}

/** Whether the server requires a token. @returns {Promise<boolean>} */
export async function needsToken() {
  return (await fetch("v1/vocabularies")).status === 401;
}

/** Delete a timeline and all that belongs to it. @param {string} id */
export async function removeTimeline(id) {
  await request(`v1/timelines/${encodeURIComponent(id)}`, { method: "DELETE" });
}

/** Load a file and save it. @param {string} url @param {string} name if the server gives none */
export async function download(url, name) {
  const response = await request(url);
  const given = /filename="([^"]+)"/.exec(response.headers.get("content-disposition") ?? "")?.[1];
  const link = el("a", { href: URL.createObjectURL(await response.blob()), download: given ?? name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), REVOKE_MS);
}

/**
 * Send a film. `fetch` does not report progress, so this is an XMLHttpRequest.
 *
 * @param {File} file @param {{profile: string, tags: string}} choice "" for the server's own
 * @param {(share: number) => void} progress called with the share that was sent
 * @returns {{done: Promise<{id: string, state: string}>, abort: () => void}} `done` rejects with a ServerError
 */
export function upload(file, choice, progress) {
  const sender = new XMLHttpRequest();
  const query = new URLSearchParams({ name: file.name });
  for (const [name, value] of Object.entries(choice)) if (value) query.set(name, value);
  const done = new Promise((resolve, reject) => {
    sender.open("POST", `v1/timelines?${query}`);
    sender.setRequestHeader("content-type", "application/octet-stream");
    sender.responseType = "json";
    sender.upload.onprogress = (event) => {
      if (event.lengthComputable) progress(event.loaded / event.total);
    };
    sender.onload = () => {
      if (sender.status < 300) resolve(sender.response);
      else reject(new ServerError(sender.status, sender.response, `The server answered ${sender.status}.`));
    };
    sender.onerror = () => reject(new ServerError(0, null, "The connection was lost."));
    sender.onabort = () => reject(new ServerError(0, null, "Stopped."));
    sender.send(file);
  });
  return { done, abort: () => sender.abort() };
}
