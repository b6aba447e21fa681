/** What the page asks of the server over HTTP; everything else goes over the client's WebSocket. */

/** An answer that is not a success, in the server's own words (RFC 9457). */
export class ServerError extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Trade a token for a cookie that the video and the thumbnails are asked for with. @param {string} token */
export async function signIn(token) {
  const answer = await fetch("v1/session", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ token }) });
  if (!answer.ok) throw new ServerError(answer.status, (await answer.json().catch(() => ({}))).detail ?? "that token was refused");
}

/** Whether the server wants a token first. @returns {Promise<boolean>} */
export async function wantsToken() {
  return (await fetch("v1/vocabularies")).status === 401;
}

/** Delete a timeline and all that belongs to it. @param {string} id */
export async function removeTimeline(id) {
  const answer = await fetch(`v1/timelines/${encodeURIComponent(id)}`, { method: "DELETE" });
  if (!answer.ok) throw new ServerError(answer.status, (await answer.json().catch(() => ({}))).detail ?? `the server answered ${answer.status}`);
}

/**
 * Send a film; `progress` is told the share sent. A fetch cannot tell it, so this is an XMLHttpRequest.
 *
 * @param {File} file @param {(share: number) => void} progress
 * @returns {{done: Promise<{id: string, state: string}>, abort: () => void}}
 */
export function upload(file, progress) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.open("POST", `v1/timelines?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = (event) => { if (event.lengthComputable) progress(event.loaded / event.total); };
    request.onload = () => {
      if (request.status < 300) resolve(request.response);
      else reject(new ServerError(request.status, request.response?.detail ?? request.response?.title ?? `the server answered ${request.status}`));
    };
    request.onerror = () => reject(new ServerError(0, "the connection was lost"));
    request.onabort = () => reject(new ServerError(0, "stopped"));
    request.send(file);
  });
  return { done, abort: () => request.abort() };
}

/** The export formats the server offers, as [name, what it is for]. */
export const FORMATS = [["json", "JSON, all of it"], ["jsonl", "JSON lines, the log"], ["csv", "CSV table"], ["vtt", "WebVTT"], ["srt", "SubRip"], ["chapters", "Chapters"]];
