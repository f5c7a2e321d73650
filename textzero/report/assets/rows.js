// The rows of a table: put in order by a column, and those found that hold what is searched.

function makeRows(columns, count) {
  const all = Uint32Array.from({ length: count }, (_, k) => k);
  const keys = columns.map(() => null);
  let texts = null;
  let order = all;
  let found = all;
  let last = null;

  function lowered() {
    if (texts) return texts;
    const lists = columns.filter((column) => column.kind === "text").map((column) => column.cells);
    texts = Array.from(all, (row) => {
      let joined = lists.length ? lists[0][row] : "";
      for (let k = 1; k < lists.length; k++) joined += `\n${lists[k][row]}`;
      return joined.toLowerCase();
    });
    return texts;
  }

  function keyOf(place) {
    const column = columns[place];
    if (column.kind !== "text") return column.cells;
    keys[place] ??= Array.from(column.cells, (cell) => cell.toLowerCase());
    return keys[place];
  }

  // Cells without a value come last, whichever way; equal ones stay as they were.
  function sort(place, down) {
    const key = keyOf(place);
    const text = columns[place].kind === "text";
    const there = all.filter((row) => (text ? key[row] !== "" : key[row] === key[row]));
    const missing = all.filter((row) => (text ? key[row] === "" : key[row] !== key[row]));
    const way = down ? -1 : 1;
    if (text) there.sort((a, b) => (key[a] < key[b] ? -way : key[a] > key[b] ? way : a - b));
    else there.sort((a, b) => way * (key[a] - key[b]) || a - b);
    order = new Uint32Array(count);
    order.set(there);
    order.set(missing, there.length);
    const wanted = last;
    last = null;
    search(wanted ?? "");
  }

  // Every word of what is searched must be there; a longer search looks only at what was found.
  function search(wanted) {
    const query = wanted.toLowerCase().trim();
    if (!query) {
      found = order;
    } else {
      const parts = query.split(/\s+/);
      const among = last && query.startsWith(last) ? found : order;
      const all = lowered();
      found = among.filter((row) => {
        for (const part of parts) if (!all[row].includes(part)) return false;
        return true;
      });
    }
    last = query;
  }

  return { sort, search, prepare: lowered, get found() { return found; } };
}
