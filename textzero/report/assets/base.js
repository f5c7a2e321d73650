// What all blocks share: elements, packed data, numbers, and the note beside the pointer.
// Data become text nodes, quoted attributes or pixels; nothing here makes markup from a string.

const make = (tag, properties = {}, ...inside) => fill(document.createElement(tag), properties, inside);
const draw = (tag, properties = {}, ...inside) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, inside);

function fill(element, properties, inside) {
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...inside);
  return element;
}

const ARRAYS = {
  u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, i1: Int8Array, i2: Int16Array,
  i4: Int32Array, f4: Float32Array, f8: Float64Array,
};

function bytesOf(base64) {
  const letters = atob(base64);
  const bytes = new Uint8Array(letters.length);
  for (let k = 0; k < letters.length; k++) bytes[k] = letters.charCodeAt(k);
  return bytes;
}

// Texts or numbers, as report/packing.py writes them; `held` are the bytes of the block that starts.
let held = null;

function unpack(packed) {
  if (packed.i) {
    const places = unpack(packed.i);
    return Array.from(places, (place) => packed.s[place]);
  }
  if (packed.s) return packed.s;
  const values = numbersOf(ARRAYS[packed.f], bytesIn(packed.b));
  if (packed.d === undefined) return values;
  const none = -(2 ** (8 * values.BYTES_PER_ELEMENT - 1));
  const all = Float64Array.from(values, (value) => (value === none ? NaN : value / 10 ** packed.d));
  if (packed.at) {
    const exact = unpack(packed.exact);
    unpack(packed.at).forEach((place, k) => { all[place] = exact[k]; });
  }
  return all;
}

const bytesIn = (b) => (typeof b === "string" ? bytesOf(b) : held.subarray(b[0], b[0] + b[1]));

function numbersOf(Type, planes) {
  const bytes = new Uint8Array(planes.length);
  const size = Type.BYTES_PER_ELEMENT;
  const count = planes.length / size;
  for (let plane = 0, from = 0; plane < size; plane++) {
    for (let to = plane; from < count * (plane + 1); to += size) bytes[to] = planes[from++];
  }
  return new Type(bytes.buffer);
}

// As report/figures.py writes them.
const grouped = (figures) => figures.replace(/^\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ","));

function digitsOf(size) {
  if (!(size > 0) || size === Infinity) return 0;
  return Math.max(0, Math.min(6, 2 - Math.floor(Math.log10(size) + 1e-12)));
}

function numberText(value, digits = null, percent = false) {
  if (value == null || Number.isNaN(value)) return "";
  const scaled = percent ? value * 100 : value;
  const size = Math.abs(scaled);
  if (digits == null) digits = Number.isInteger(scaled) && !percent ? 0 : digitsOf(size);
  const end = percent ? "%" : "";
  const sign = scaled < 0 ? "\u2212" : "";
  if (size === Infinity) return `${sign}∞${end}`;
  const fixed = size < 1e15 ? size.toFixed(digits) : "0";
  if (size > 0 && !(Number(fixed) > 0)) {
    const [mantissa, exponent] = size.toExponential(1).split("e");
    return `${sign}${mantissa}e${exponent.replace("+", "").replace("-", "\u2212")}${end}`;
  }
  return `${sign}${grouped(fixed)}${end}`;
}

// A note beside the pointer; `say` reads something to those who listen.
const tip = document.getElementById("tip");

function showTip(x, y, ...inside) {
  tip.replaceChildren(...inside);
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const room = document.documentElement.clientWidth;
  const left = x + 14 + width > room - 6 ? x - 14 - width : x + 14;
  const top = y + 16 + height > innerHeight - 6 ? y - 12 - height : y + 16;
  tip.style.left = `${Math.max(6, Math.min(left, room - width - 6))}px`;
  tip.style.top = `${Math.max(6, top)}px`;
}

const hideTip = () => { tip.hidden = true; };
const say = (text) => { document.getElementById("said").textContent = text; };

addEventListener("scroll", hideTip, { passive: true });
addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });

// Calm where a person asked for it.
const still = matchMedia("(prefers-reduced-motion: reduce)");

// What is drawn to a width is drawn anew when that changes, on paper and in another light.
const redrawn = [];
const PAPER_WIDTH = 660;

function keepDrawn(element, redraw) {
  let width = 0;
  new ResizeObserver(() => {
    if (element.clientWidth === width || !element.clientWidth) return;
    width = element.clientWidth;
    if (!document.documentElement.classList.contains("printing")) redraw(width, false);
  }).observe(element);
  redrawn.push((printing) => 
    redraw(printing ? PAPER_WIDTH : element.clientWidth || PAPER_WIDTH, printing));
}

function setPrinting(printing) {
  const root = document.documentElement.classList;
  if (root.contains("printing") === printing) return;
  root.toggle("printing", printing);
  hideTip();
  for (const redraw of redrawn) redraw(printing);
}

addEventListener("beforeprint", () => setPrinting(true));
addEventListener("afterprint", () => setPrinting(false));
matchMedia("print").addEventListener("change", (event) => setPrinting(event.matches));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const redraw of redrawn) redraw(false);
});

// The colour that the style gives a name, as three numbers; canvases know no names.
const probe = make("span", { class: "probe", hidden: true });
document.body.append(probe);
const painter = make("canvas", { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });

function colourOf(name) {
  probe.style.color = `var(${name})`;
  painter.fillStyle = getComputedStyle(probe).color;
  painter.fillRect(0, 0, 1, 1);
  return painter.getImageData(0, 0, 1, 1).data.slice(0, 3);
}
