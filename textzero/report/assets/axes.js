// Axes: where values stand, and at which of them a tick does.

// whole: what stands on it are whole numbers, such as epochs, and so are its ticks.
function makeAxis(low, high, log, from, to, { each = TICK_ROOM, whole = false } = {}) {
  if (!(low <= high)) [low, high] = log ? [1, 10] : [0, 1];
  if (low === high) [low, high] = log ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
  const room = Math.abs(to - from);
  const ticks = log ? logTicks(low, high, room) : linearTicks(low, high, room / each, whole);
  const read = log ? Math.log10 : (value) => value;
  const [start, end] = [read(low), read(high)];
  const place = (value) => from + ((read(value) - start) / (end - start)) * (to - from);
  return { ticks, place, log, low, high };
}

const TICK_ROOM = 62; // pixels a tick has for itself

// Limits as round numbers, so that the outer ticks end the axis.
function roundLimits(low, high, log, room, whole) {
  if (log || !(low < high)) return [low, high];
  const step = niceStep((high - low) / Math.max(2, room / TICK_ROOM), whole);
  return [Math.floor(low / step + 1e-9) * step, Math.ceil(high / step - 1e-9) * step];
}

function niceStep(rough, whole = false) {
  if (whole && rough < 1) return 1;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const share = rough / unit;
  return unit * (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10);
}

function linearTicks(low, high, most, whole) {
  const step = niceStep((high - low) / Math.max(2, most), whole);
  const [unit, sign] = Math.max(Math.abs(low), Math.abs(high)) < 1e6 ? [1, ""]
    : step < 1e9 ? [1e6, "\u00a0M"] : [1e9, "\u00a0G"];
  const digits = Math.max(0, -Math.floor(Math.log10(step / unit) + 1e-9));
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) {
    const value = k * step;
    const shown = Math.abs(value) < step / 2 ? 0 : value / unit;
    ticks.push({ value, text: numberText(shown, digits > 6 ? null : digits) + (shown ? sign : "") });
  }
  return ticks;
}

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const raised = (n) => (n < 0 ? "⁻" : "") + [...String(Math.abs(n))].map((d) => RAISED[d]).join("");

function logTicks(low, high, room) {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  const every = Math.max(1, Math.ceil((last - first + 1) / Math.max(2, room / 55)));
  const short = first >= -3 && last <= 5;
  const between = last - first < 2 ? [1, 2, 5] : [1];
  const ticks = [];
  for (let power = first - 1; power <= last; power += 1) {
    if ((power - first) % every) continue;
    for (const times of between) {
      const value = times * 10 ** power;
      if (value < low * (1 - 1e-9) || value > high * (1 + 1e-9)) continue;
      const text = short ? numberText(value, Math.max(0, -power))
        : `${times > 1 ? `${times}·` : ""}10${raised(power)}`;
      ticks.push({ value, text });
    }
  }
  return ticks;
}
