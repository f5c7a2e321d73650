// Every block that has data comes to life; one that cannot stays as it was written.

const KINDS = { table, passages, chart, map };

function start(packed, text, bytes) {
  try {
    const data = JSON.parse(text);
    held = bytes;
    KINDS[data.kind](packed.parentElement.querySelector("[data-block]"), data);
  } catch (error) {
    console.error(error);
  }
}

async function inflate(packed) {
  const stream = new Blob([bytesOf(packed.textContent)]).stream();
  const whole = await new Response(stream.pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();
  const end = 4 + new DataView(whole).getUint32(0, true);
  const text = new TextDecoder().decode(new Uint8Array(whole, 4, end - 4));
  start(packed, text, new Uint8Array(whole, end));
  packed.removeAttribute("data-packed");
}

for (const packed of document.querySelectorAll('script[type="application/json"]')) {
  if (packed.hasAttribute("data-packed")) inflate(packed).catch(console.error);
  else start(packed, packed.textContent);
}

// The contents show which section is being read.
const links = new Map(
  Array.from(document.querySelectorAll("nav a"), (link) => [link.getAttribute("href").slice(1), link]),
);
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    for (const [name, link] of links) {
      if (name === entry.target.id) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }
}, { rootMargin: "-15% 0px -75% 0px" });
for (const name of links.keys()) watcher.observe(document.getElementById(name));
