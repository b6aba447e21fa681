/** SMPTE timecode at the nominal rate: SMPTE ST 12-1, drop-frame if the timecode of the source has a `;`. */

/** @typedef {{rate: number, nominal: number, drop: number, first: number}} Clock */

/** @param {any} video the `video` of a source @returns {Clock} */
export function clockOf(video) {
  const [over, under] = String(video?.rate ?? "25")
    .split("/")
    .map(Number);
  const rate = over / (under || 1) || 25;
  const nominal = Math.max(1, Math.round(rate));
  const start = String(video?.start_timecode ?? "00:00:00:00");
  const drop = start.includes(";") ? Math.round(nominal / 15) : 0;
  const [h, m, s, f] = start.split(/[:;.]/).map(Number);
  const first = frameOf({ nominal, drop }, (h * 60 + m) * 60 + s) + f;
  return { rate, nominal, drop, first: Number.isFinite(first) ? first : 0 };
}

/**
 * Return the frame, counted from midnight, whose timecode is a whole number of seconds. If drop-frame leaves that
 * timecode
 * out, it is the first frame after it.
 *
 * @param {{nominal: number, drop: number}} clock @param {number} seconds of timecode, not of time
 */
function frameOf({ nominal, drop }, seconds) {
  const minutes = Math.floor(seconds / 60);
  const isLeftOut = drop > 0 && seconds % 60 === 0 && minutes % 10 !== 0;
  return seconds * nominal - drop * (minutes - Math.floor(minutes / 10)) + (isLeftOut ? drop : 0);
}

/** @param {Clock} clock @param {number} seconds from the first frame @returns {string} */
export function timecode(clock, seconds) {
  return label(clock, clock.first + Math.floor(Math.max(0, seconds) * clock.rate + 1e-4));
}

/** @param {Clock} clock @param {number} frame from midnight */
function label({ nominal, drop }, frame) {
  let number = frame;
  if (drop) {
    const perTenMinutes = nominal * 600 - drop * 9;
    const perMinute = nominal * 60 - drop;
    const rest = frame % perTenMinutes;
    const minutes = rest >= nominal * 60 ? 1 + Math.floor((rest - nominal * 60) / perMinute) : 0;
    number += drop * (9 * Math.floor(frame / perTenMinutes) + minutes);
  }
  const s = Math.floor(number / nominal);
  const parts = [Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60, s % 60].map(twoDigits);
  return `${parts.join(":")}${drop ? ";" : ":"}${twoDigits(number % nominal)}`;
}

/** @param {number} number */
function twoDigits(number) {
  return String(number).padStart(2, "0");
}

const STEPS_IN_SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 36000];
const STEPS_IN_FRAMES = [1, 2, 5, 10];

/**
 * Return the ticks of a ruler: times from the first frame, with labels. Labels are whole seconds of timecode where
 * there is
 * room for few, at NTSC rates and in drop-frame too.
 *
 * @param {Clock} clock
 * @param {number} start
 * @param {number} span seconds shown
 * @param {number} room seconds that a label needs
 * @returns {{seconds: number, label: string}[]}
 */
export function rulerTicks(clock, start, span, room) {
  const frames = STEPS_IN_FRAMES.find((step) => step < clock.nominal && step / clock.rate >= room);
  /** @type {{seconds: number, label: string}[]} */
  const ticks = [];
  const add = (/** @type {number} */ frame) =>
    ticks.push({ seconds: (frame - clock.first) / clock.rate, label: label(clock, frame) });
  if (frames) {
    const from = Math.ceil((start * clock.rate) / frames) * frames;
    for (let frame = from; frame / clock.rate <= start + span; frame += frames) add(clock.first + frame);
    return ticks;
  }
  const step = STEPS_IN_SECONDS.find((one) => one >= room) ?? 86_400;
  const startFrame = clock.first + start * clock.rate;
  for (let second = Math.floor(startFrame / clock.nominal / step) * step; ; second += step) {
    const frame = frameOf(clock, second);
    if (frame > startFrame + span * clock.rate) return ticks;
    if (frame >= startFrame) add(frame);
  }
}

/** A length for people: `1:02:03`, `4:05`, `12.3 s`. @param {number | null | undefined} seconds @returns {string} */
export function lengthText(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const s = Math.round(seconds);
  const tail = `${String(Math.floor(s / 60) % 60).padStart(s >= 3600 ? 2 : 1, "0")}:${twoDigits(s % 60)}`;
  return s >= 3600 ? `${Math.floor(s / 3600)}:${tail}` : tail;
}
