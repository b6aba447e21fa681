/** The error of the client. */

/** The connection ended or a request failed: `code` is a WebSocket close code, or the server's name for the error. */
export class StreamtagsError extends Error {
  /** @param {string} message @param {string | number} code @param {any} [detail] */
  constructor(message, code, detail) {
    super(message);
    this.name = "StreamtagsError";
    this.code = code;
    this.detail = detail;
  }
}
