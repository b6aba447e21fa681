/** SMPTE timecode at the nominal rate: SMPTE ST 12-1, drop-frame at 29.97 and 59.94 where the source's own has a `;`. */

/** @typedef {{rate: number, nominal: number, drop: number, first: number}} Clock */

/** @param {any} video the `video` of a source @returns {Clock} */
export function clockOf(video) {
  const [over, under] = String(video?.rate ?? "25").split("/").map(Number);
  const rate = over / (under || 1) || 25;
  const nominal = Math.round(rate);
  const start = String(video?.start_timecode ?? "00:00:00:00");
  const drop = start.includes(";") ? Math.round(nominal / 15) : 0;
  const [h, m, s, f] = start.split(/[:;.]/).map(Number);
  const minutes = h * 60 + m;
  const first = (minutes * 60 + s) * nominal + f - drop * (minutes - Math.floor(minutes / 10));
  return { rate, nominal, drop, first: Number.isFinite(first) ? first : 0 };
}

/** @param {Clock} clock @param {number} seconds from the first frame @returns {string} */
export function timecode(clock, seconds) {
  const { rate, nominal, drop } = clock;
  let frame = clock.first + Math.floor(Math.max(0, seconds) * rate + 1e-4);
  if (drop) {
    const inTen = nominal * 600 - drop * 9;
    const inOne = nominal * 60 - drop;
    const rest = frame % inTen;
    frame += drop * 9 * Math.floor(frame / inTen) + (rest >= nominal * 60 ? drop * (1 + Math.floor((rest - nominal * 60) / inOne)) : 0);
  }
  const f = frame % nominal;
  const s = Math.floor(frame / nominal);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return `${two(Math.floor(s / 3600) % 24)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}${drop ? ";" : ":"}${two(f)}`;
}

/** A length for people: `1:02:03`, `4:05`, `12.3 s`. @param {number | null | undefined} seconds @returns {string} */
export function lengthText(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const s = Math.round(seconds);
  const tail = `${String(Math.floor(s / 60) % 60).padStart(s >= 3600 ? 2 : 1, "0")}:${String(s % 60).padStart(2, "0")}`;
  return s >= 3600 ? `${Math.floor(s / 3600)}:${tail}` : tail;
}
