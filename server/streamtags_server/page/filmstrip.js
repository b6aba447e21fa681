/**
 * Stills between the thumbnails, for a timeline that is zoomed in. The browser takes them from the film itself, with a
 * second, hidden `<video>`: the server stores none, and decodes nothing for them.
 */

const MAX_FRAMES = 240;
const MAX_WAITING = 48;
const TIMEOUT_MS = 4000; // for one frame
const MAX_LATE = 5; // frames in a row that did not come in time, after which none is requested

/** Keeps at most 240 small pictures, and drops the one that was not used for longest. */
export class Filmstrip {
  /** @param {() => void} arrived called when a picture is there */
  constructor(arrived) {
    this._arrived = arrived;
    this._url = "";
    /** @type {HTMLVideoElement | null} */
    this._video = null;
    /** @type {Map<number, HTMLCanvasElement>} */
    this._frames = new Map();
    this._late = 0; // pictures in a row that did not come in time
    /** Times to load, the latest request last. @type {number[]} */
    this._waiting = [];
    this._isLoading = false;
    this._isPaused = false;
  }

  /** @param {string} url of the film; "" if there is none */
  open(url) {
    if (url === this._url) return;
    this._url = url;
    if (this._video) closeVideo(this._video);
    this._video = null;
    this._frames.clear();
    this._waiting = [];
    this._late = 0;
  }

  /** While the film plays, it needs the decoder: no further pictures are loaded. @param {boolean} isPaused */
  pause(isPaused) {
    if (isPaused === this._isPaused) return;
    this._isPaused = isPaused;
    this._late = 0;
    if (!isPaused) this._arrived();
  }

  get hasFilm() {
    return this._url !== "";
  }

  /** The picture at `seconds`, or null until it is there. @param {number} seconds @param {number} height in pixels */
  get(seconds, height) {
    const known = this._frames.get(seconds);
    if (known !== undefined) {
      this._frames.delete(seconds); // used last, so dropped last
      this._frames.set(seconds, known);
      return known;
    }
    if (this._late >= MAX_LATE) return null; // the browser does not get through this film
    if (!this._waiting.includes(seconds)) this._waiting.push(seconds);
    if (this._waiting.length > MAX_WAITING) this._waiting.shift();
    if (!this._isLoading && !this._isPaused) this._load(Math.round(height * (devicePixelRatio || 1)));
    return null;
  }

  /** Load what is waiting, the latest first. @param {number} height of the pictures */
  async _load(height) {
    this._isLoading = true;
    while (this._waiting.length && !this._isPaused) {
      const url = this._url;
      try {
        const video = this._video ?? (await openVideo(url));
        if (url !== this._url) {
          closeVideo(video); // another film was opened in the meantime
          continue;
        }
        this._video = video;
        const time = this._waiting.pop() ?? 0;
        const frame = await frameOf(video, time, height);
        if (url === this._url) this._keep(time, frame);
      } catch {
        if (url === this._url) this.open(""); // the browser cannot play it, as the player says: thumbnails remain
      }
    }
    this._isLoading = false;
  }

  /**
   * Keep a picture. One that did not come in time is requested again when it is painted again.
   *
   * @param {number} time @param {HTMLCanvasElement | null} frame
   */
  _keep(time, frame) {
    this._late = frame ? 0 : this._late + 1;
    if (frame) this._frames.set(time, frame);
    if (this._frames.size > MAX_FRAMES) this._frames.delete(/** @type {number} */ (this._frames.keys().next().value));
    this._arrived();
  }
}

/** @param {string} url @returns {Promise<HTMLVideoElement>} */
function openVideo(url) {
  const video = document.createElement("video");
  video.muted = true;
  video.preload = "auto";
  return new Promise((resolve, reject) => {
    video.addEventListener("loadeddata", () => (video.videoWidth ? resolve(video) : reject(new Error("no picture"))));
    video.addEventListener("error", () => reject(new Error("cannot be played")));
    video.src = url;
  });
}

/** @param {HTMLVideoElement} video */
function closeVideo(video) {
  video.removeAttribute("src");
  video.load();
}

/**
 * @param {HTMLVideoElement} video @param {number} time @param {number} height
 * @returns {Promise<HTMLCanvasElement | null>} null if the browser does not get there in time, or the film is closed
 */
function frameOf(video, time, height) {
  return new Promise((resolve) => {
    const timeout = setTimeout(() => finish(null), TIMEOUT_MS);
    /** @param {HTMLCanvasElement | null} frame */
    const finish = (frame) => {
      clearTimeout(timeout);
      video.removeEventListener("seeked", seeked);
      video.removeEventListener("emptied", closed);
      resolve(frame);
    };
    const closed = () => finish(null);
    const seeked = () => {
      if (video.seeking) return; // the seek before, which took too long, has ended
      const canvas = document.createElement("canvas");
      canvas.height = height;
      canvas.width = Math.max(1, Math.round((height * video.videoWidth) / video.videoHeight));
      canvas.getContext("2d")?.drawImage(video, 0, 0, canvas.width, canvas.height);
      finish(canvas);
    };
    video.addEventListener("seeked", seeked);
    video.addEventListener("emptied", closed);
    video.currentTime = Math.min(time + 0.0005, Math.max(0, video.duration - 0.04));
  });
}
