// What a page does beyond being read: sort, filter, switch, draw, download. Numbers are shown as Python printed them.
// Every text goes in as text (textContent, setAttribute of fixed names): nothing from the data becomes markup.
"use strict";
const mevals = (() => {
  const root = document.documentElement.dataset.root || "";
  const page = document.documentElement.dataset.page;
  const shards = new Map();
  const waiting = new Map();

  function put(name, content) {
    shards.set(name, content);
    const wait = waiting.get(name);
    if (wait) wait.done(content);
  }
  function load(name) {
    if (shards.has(name)) return Promise.resolve(shards.get(name));
    if (waiting.has(name)) return waiting.get(name).promise;
    const wait = {};
    wait.promise = new Promise((done, fail) => { wait.done = done; wait.fail = fail; });
    waiting.set(name, wait);
    const script = document.createElement("script");
    script.src = root + "data/" + name.split("/").map(encodeURIComponent).join("/") + ".js";
    script.onerror = () => wait.fail(new Error("data/" + name + ".js is missing"));
    document.head.append(script);
    return wait.promise;
  }
  function el(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [k, v] of Object.entries(attributes || {})) {
      if (k === "on") for (const [event, f] of Object.entries(v)) node.addEventListener(event, f);
      else if (v === true) node.setAttribute(k, "");
      else if (v !== false && v !== null && v !== undefined) node.setAttribute(k, v);
    }
    node.append(...children.filter((c) => c !== null && c !== undefined));
    return node;
  }
  const clear = (node) => { while (node.firstChild) node.firstChild.remove(); return node; };

  // State: one flat record, kept in the address after "#"; what is at its default is left out.
  const DEFAULTS = { q: "", group: "all", mean: "common", sort: "", pin: "", view: "table", of: "", size: "", license: "", open: "", theme: "" };
  let state = { ...DEFAULTS };
  function readState() {
    const given = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
    state = { ...DEFAULTS };
    for (const k of Object.keys(DEFAULTS)) if (given.has(k)) state[k] = given.get(k).slice(0, 400);
  }
  function change(what) {
    Object.assign(state, what);
    const said = new URLSearchParams();
    for (const [k, v] of Object.entries(state)) if (v !== DEFAULTS[k]) said.set(k, v);
    const text = said.toString();
    history.replaceState(null, "", text ? "#" + text : location.pathname + location.search);
    return render();
  }
  function applyTheme() {
    if (state.theme === "dark" || state.theme === "light") document.documentElement.dataset.theme = state.theme;
    else delete document.documentElement.dataset.theme;
  }

  // The board of the overview and of the reported numbers.
  const board = document.getElementById("board");
  const family = location.pathname.endsWith("reported.html") ? "reported" : "measured";
  let meta = null;
  let columns = [];
  let order = [];
  function readBoard() {
    columns = [...board.tHead.querySelectorAll("th[data-col]")].map((th) => ({
      id: th.dataset.col, better: th.dataset.better, text: th.querySelector("a").textContent + " · " + th.querySelector(".metric").textContent.trim(),
    }));
    order = [...board.tBodies[0].rows];
  }
  function groupParts() {
    if (state.group === "all") return ["all", "all"];
    const i = state.group.indexOf("~");
    return [state.group.slice(0, i), state.group.slice(i + 1)];
  }
  async function records() {
    const [by, group] = groupParts();
    const known = by === "all" || (meta.groups[by] || []).includes(group);
    const shard = await load(family + "/" + (known ? by : "all"));
    const mean = shard[state.mean] ? state.mean : "common";
    return shard[mean][known ? group : "all"] || {};
  }
  const pins = () => new Set(state.pin.split("~").filter(Boolean));
  function visible(row) {
    const text = row.querySelector("th").textContent.toLowerCase();
    if (pins().has(row.dataset.model)) return true;
    if (state.q && !text.includes(state.q.toLowerCase())) return false;
    return ["size", "license", "open"].every((k) => !state[k] || row.dataset[k] === state[k]);
  }
  function fillCell(td, record, href) {
    clear(td);
    if (!record || record[3] === null) {
      td.className = "missing";
      delete td.dataset.v;
      td.append(el("small", {}, record ? record[12] || "unscored" : "not run"));
      return;
    }
    td.className = "";
    td.dataset.v = record[3];
    td.append(el("a", { class: "cell", href }, el("b", {}, record[0]), el("small", {}, record[1] ? record[1] + " … " + record[2] : "no interval"), el("small", {}, record[6] + " of " + record[7])));
  }
  let drawn = "";
  async function render() {
    applyTheme();
    if (!board) return;
    const wanted = state.group + "|" + state.mean;
    const plain = wanted === "all|common";
    if (!meta && (!plain || drawn)) meta = await load(family + "/meta");
    if (wanted !== drawn && !(plain && !drawn)) {
      const found = await records();
      for (const row of order) for (const td of row.querySelectorAll("td[data-col]")) {
        const link = row.querySelector("th a").getAttribute("href");
        fillCell(td, (found[row.dataset.model] || {})[td.dataset.col], link);
      }
    }
    drawn = wanted;
    const [column, direction] = state.sort.split("~");
    const value = (row) => {
      if (column === "model") return row.querySelector("th").textContent;
      const td = [...row.cells].find((c) => c.dataset.col === column);
      return td && td.dataset.v !== undefined ? Number(td.dataset.v) : null;
    };
    const sorted = column ? [...order].sort((a, b) => {
      const x = value(a), y = value(b);
      if (x === null || y === null) return (x === null) - (y === null);
      return (direction === "up" ? 1 : -1) * (typeof x === "string" ? x.localeCompare(y) : x - y);
    }) : [...order];
    const pinned = pins();
    sorted.sort((a, b) => pinned.has(b.dataset.model) - pinned.has(a.dataset.model));
    const focus = document.activeElement;
    board.tBodies[0].replaceChildren(...sorted);
    if (focus && board.contains(focus)) focus.focus();
    for (const row of order) {
      row.hidden = !visible(row);
      row.classList.toggle("pinned", pinned.has(row.dataset.model));
      const pin = row.querySelector("button.pin");
      if (pin) pin.setAttribute("aria-pressed", String(pinned.has(row.dataset.model)));
    }
    for (const th of board.tHead.querySelectorAll("th")) {
      const mine = (th.dataset.col || "model") === column;
      if (mine) th.setAttribute("aria-sort", direction === "up" ? "ascending" : "descending");
      else th.removeAttribute("aria-sort");
      const button = th.querySelector("button.sort");
      if (button) { button.textContent = mine ? (direction === "up" ? "▲" : "▼") : "⇅"; button.setAttribute("aria-pressed", String(mine)); }
    }
    syncControls();
    await drawView();
  }
  function shownRows() { return [...board.tBodies[0].rows].filter((r) => !r.hidden); }

  const inputs = {};
  function select(label, name, options) {
    const node = el("select", { name, on: { change: () => change({ [name]: node.value }) } });
    for (const [value, text, group] of options) {
      let parent = node;
      if (group) {
        parent = [...node.querySelectorAll("optgroup")].find((g) => g.label === group);
        if (!parent) { parent = el("optgroup", { label: group }); node.append(parent); }
      }
      parent.append(el("option", { value }, text));
    }
    inputs[name] = node;
    return el("label", {}, label, node);
  }
  function syncControls() {
    for (const [name, node] of Object.entries(inputs)) {
      if (node.value !== state[name]) node.value = state[name];
      if (node.selectedIndex === -1) node.selectedIndex = 0;
    }
  }
  async function makeControls() {
    const place = document.getElementById("controls");
    if (!place || !board) return;
    meta = await load(family + "/meta");
    const q = el("input", { type: "search", autocomplete: "off", on: { input: () => change({ q: q.value }) } });
    inputs.q = q;
    const groups = [["all", "All languages"]];
    const names = { region: "Region", script: "Script", "web-presence": "Web presence" };
    for (const [by, list] of Object.entries(meta.groups)) for (const g of list) groups.push([by + "~" + g, g, names[by]]);
    place.append(
      el("label", {}, "Find a model", q),
      select("Languages", "group", groups),
      select("Mean", "mean", Object.entries(meta.means)),
      select("Show as", "view", [["table", "Table"], ["dots", "Dots and intervals"], ["heat", "Heatmap by language"]]),
      select("of", "of", columns.map((c) => [c.id, c.text])),
    );
    for (const [k, label] of [["size", "Size"], ["license", "Licence"], ["open", "Access"]]) {
      const values = [...new Set(order.map((r) => r.dataset[k]).filter(Boolean))].sort();
      if (values.length > 1 || (values.length === 1 && state[k])) place.append(select(label, k, [["", "any"], ...values.map((v) => [v, v])]));
    }
    place.append(el("div", { class: "buttons" },
      el("button", { type: "button", on: { click: () => save("csv") } }, "CSV"),
      el("button", { type: "button", on: { click: () => save("json") } }, "JSON"),
      el("button", { type: "button", on: { click: () => save("bib") } }, "BibTeX"),
      el("button", { type: "button", on: { click: () => save("svg") } }, "SVG"),
      el("button", { type: "button", on: { click: () => save("png") } }, "PNG"),
      el("button", { type: "button", on: { click: () => change({ theme: isDark() ? "light" : "dark" }) } }, "Light/dark"),
      el("button", { type: "button", on: { click: () => change({ ...DEFAULTS }) } }, "Reset"),
    ));
    for (const th of board.tHead.querySelectorAll("th")) {
      const id = th.dataset.col || "model";
      const name = th.dataset.col ? columns.find((c) => c.id === id).text : "model";
      th.append(el("button", { type: "button", class: "sort", "aria-label": "Sort by " + name, on: { click: () => {
        const [column, direction] = state.sort.split("~");
        const first = id === "model" || th.dataset.better === "lower" ? "up" : "down";
        change({ sort: id + "~" + (column === id ? (direction === "up" ? "down" : "up") : first) });
      } } }, "⇅"));
    }
    for (const row of order) {
      const name = row.querySelector("th").textContent.trim();
      row.querySelector("th").append(" ", el("button", { type: "button", class: "pin", "aria-pressed": "false", "aria-label": "Pin " + name, title: "Keep on top", on: { click: () => {
        const now = pins();
        if (!now.delete(row.dataset.model)) now.add(row.dataset.model);
        change({ pin: [...now].join("~") });
      } } }, "◆"));
    }
    board.addEventListener("click", openCell);
    place.hidden = false;
  }
  const isDark = () => (state.theme ? state.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);

  // One cell, opened.
  async function openCell(event) {
    const link = event.target.closest("a.cell");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const td = link.closest("td"), row = link.closest("tr");
    const record = ((await records())[row.dataset.model] || {})[td.dataset.col];
    const column = columns.find((c) => c.id === td.dataset.col);
    const facts = [["mean", record[0]], ["95 % interval", record[1] ? record[1] + " … " + record[2] : "none"], ["averaged", record[6] + " of " + record[7] + " subsets"], ["languages", groupParts()[1]], ["mean over", meta.means[state.mean] || meta.means.common], ["worst", record[8]], ["unscored", record[9]], ["truncated", record[10]], ["marks", record[11] || "none"]];
    const list = el("dl", {});
    for (const [k, v] of facts) list.append(el("dt", {}, k), el("dd", {}, el("bdi", {}, v)));
    const href = row.querySelector("th a").getAttribute("href");
    const box = el("dialog", { "aria-label": "Where this number comes from" }, el("h2", {}, el("bdi", {}, meta.models[row.dataset.model]), ": ", column.text), list,
      el("p", {}, el("a", { href: href + "#" + (link.getAttribute("href").split("#")[1] || "") }, "Command, settings and every cell")),
      el("button", { type: "button", on: { click: () => box.close() } }, "Close"));
    box.addEventListener("close", () => { box.remove(); link.focus(); });
    document.body.append(box);
    box.showModal();
  }

  // Charts.
  const SVG = "http://www.w3.org/2000/svg";
  function svg(tag, attributes, text) {
    const node = document.createElementNS(SVG, tag);
    for (const [k, v] of Object.entries(attributes)) node.setAttribute(k, v);
    if (text !== undefined) node.textContent = text;
    return node;
  }
  function dots(points, title) {
    const all = points.flatMap((p) => [p.v, p.lo ?? p.v, p.hi ?? p.v]);
    let low = Math.min(...all), high = Math.max(...all);
    if (high - low < 1e-9) { low -= 1; high += 1; }
    const pad = (high - low) * 0.05;
    low -= pad; high += pad;
    const left = 230, width = 820, right = 70, step = 22, height = points.length * step + 62;
    const x = (v) => left + ((v - low) / (high - low)) * (width - left - right);
    const chart = svg("svg", { class: "dots", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": title });
    chart.append(svg("title", {}, title), svg("text", { x: 4, y: 16 }, title.slice(0, 110)));
    for (let i = 0; i <= 4; i++) {
      const v = low + ((high - low) * i) / 4;
      chart.append(svg("line", { class: "axis", x1: x(v), x2: x(v), y1: 28, y2: height - 24 }), svg("text", { class: "quiet", x: x(v), y: height - 8, "text-anchor": "middle" }, v.toFixed(1)));
    }
    points.forEach((p, i) => {
      const y = 40 + i * step;
      chart.append(svg("text", { x: left - 10, y: y + 4, "text-anchor": "end" }, p.label.length > 34 ? p.label.slice(0, 33) + "…" : p.label));
      if (p.lo !== null && p.lo !== undefined) chart.append(svg("line", { class: "bar", x1: x(p.lo), x2: x(p.hi), y1: y, y2: y }));
      chart.append(svg("circle", { cx: x(p.v), cy: y, r: 4.5 }), svg("text", { x: width - right + 10, y: y + 4 }, p.text));
    });
    return chart;
  }
  async function drawView() {
    const place = document.getElementById("view");
    if (!place) return;
    const column = columns.find((c) => c.id === state.of) || columns[0];
    if (state.view === "table" || !column) { clear(place); return; }
    meta = meta || (await load(family + "/meta"));
    const models = shownRows().map((r) => r.dataset.model);
    if (state.view === "dots") {
      const found = await records();
      const points = models.map((m) => ({ m, r: (found[m] || {})[column.id] })).filter((p) => p.r && p.r[3] !== null)
        .map((p) => ({ label: meta.models[p.m], v: p.r[3], lo: p.r[4], hi: p.r[5], text: p.r[0] }));
      clear(place).append(points.length ? dots(points, column.text + " · " + groupParts()[1] + (meta.simulated ? " · simulated" : "") + (family === "reported" ? " · reported" : "")) : el("p", {}, "No number to draw."));
      return;
    }
    const table = await load(family + "/heat-" + column.id);
    clear(place).append(heat(table, models, column));
  }
  function heat(table, models, column) {
    const values = table.subsets.flatMap((s) => models.map((m) => s[5][m] && s[5][m][1]).filter((v) => v !== null && v !== undefined));
    const low = Math.min(...values), high = Math.max(...values);
    const grid = el("div", { class: "heat", role: "table", "aria-label": "Heatmap of " + column.text });
    grid.style.gridTemplateColumns = `minmax(9rem, max-content) repeat(${models.length}, minmax(4rem, max-content))`;
    grid.append(el("div", { role: "row" }, el("div", { role: "columnheader" }, "Subset"), ...models.map((m) => el("div", { role: "columnheader" }, el("bdi", {}, meta.models[m])))));
    for (const [subset, name, , , , cells] of table.subsets) {
      const line = el("div", { role: "row" }, el("div", { role: "rowheader" }, (name ? name + " · " : "") + subset));
      for (const m of models) {
        const found = cells[m];
        if (!found || found[1] === null) { line.append(el("div", { role: "cell", class: "missing", title: found ? found[2] : "not run" }, "–")); continue; }
        const part = high > low ? (found[1] - low) / (high - low) : 0.5;
        const good = column.better === "lower" ? 1 - part : part;
        const cell = el("div", { role: "cell" }, found[0]);
        cell.style.setProperty("--p", (good * 55).toFixed(0) + "%");
        line.append(cell);
      }
      grid.append(line);
    }
    const scroll = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Heatmap" }, grid);
    return el("div", {}, el("p", { class: "note" }, "Each subset's own value; stronger colour is better. Hatched: no number."), scroll);
  }

  // Downloads: what is in view, with where it comes from.
  async function viewRecords() {
    const found = await records();
    const out = [];
    for (const row of shownRows()) for (const c of columns) {
      const r = (found[row.dataset.model] || {})[c.id];
      out.push({ model: meta.models[row.dataset.model], column: c.text, languages: groupParts()[1], mean_over: state.mean, mean: r ? r[0] : "", low: r ? r[1] : "", high: r ? r[2] : "", n: r ? r[6] : "", of: r ? r[7] : "", unscored: r ? r[9] : "", truncated: r ? r[10] : "", marks: r ? r[11] : "", why: r ? r[12] : "not run" });
    }
    return out;
  }
  function csv(rows) {
    // A leading = + - @ makes spreadsheets run a formula: such texts get an apostrophe; numbers stay as they are.
    const cell = (v) => {
      let text = String(v);
      if (/^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text))) text = "'" + text;
      return /[",\n\r]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
    };
    const names = Object.keys(rows[0] || { model: "" });
    return [names, ...rows.map((r) => names.map((n) => r[n]))].map((line) => line.map(cell).join(",")).join("\n") + "\n";
  }
  function bibtex() {
    const escape = (t) => t.replace(/[\\{}%&#$_^~]/g, (c) => "\\" + c);
    return `@misc{mevals-view,\n  title = {${escape(meta.title)}: ${escape(document.title)}},\n  howpublished = {\\url{${location.href}}},\n  note = {${escape(document.querySelector("footer p").textContent.trim())}}\n}\n`;
  }
  function offer(name, blob) {
    const a = el("a", { href: URL.createObjectURL(blob), download: name });
    document.body.append(a);
    a.click();
    a.remove();
    setTimeout(() => URL.revokeObjectURL(a.href), 10000);
  }
  async function save(kind) {
    const rows = await viewRecords();
    if (kind === "csv") offer("mevals.csv", new Blob([csv(rows)], { type: "text/csv" }));
    if (kind === "json") offer("mevals.json", new Blob([JSON.stringify({ title: meta.title, view: location.hash, rows }, null, 1)], { type: "application/json" }));
    if (kind === "bib") offer("mevals.bib", new Blob([bibtex()], { type: "text/plain" }));
    if (kind === "svg" || kind === "png") {
      if (state.view !== "dots") await change({ view: "dots" });
      const chart = document.querySelector("#view svg");
      if (chart) await savePicture(chart, kind);
    }
  }
  async function savePicture(chart, kind) {
    const copy = chart.cloneNode(true);
    const originals = [chart, ...chart.querySelectorAll("*")], copies = [copy, ...copy.querySelectorAll("*")];
    originals.forEach((node, i) => {
      const style = getComputedStyle(node);
      for (const k of ["fill", "stroke", "stroke-width", "font-size", "font-family"]) copies[i].setAttribute(k, style.getPropertyValue(k));
    });
    const [, , w, h] = chart.getAttribute("viewBox").split(" ").map(Number);
    const back = svg("rect", { x: 0, y: 0, width: w, height: h, fill: getComputedStyle(document.body).backgroundColor });
    copy.insertBefore(back, copy.firstChild);
    copy.setAttribute("xmlns", SVG);
    const text = new XMLSerializer().serializeToString(copy);
    if (kind === "svg") { offer("mevals.svg", new Blob([text], { type: "image/svg+xml" })); return; }
    const image = new Image();
    image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(text);
    await image.decode();
    const canvas = el("canvas", { width: 2 * w, height: 2 * h });
    const pen = canvas.getContext("2d");
    pen.scale(2, 2);
    pen.drawImage(image, 0, 0);
    canvas.toBlob((blob) => offer("mevals.png", blob));
  }

  // Tables with intervals can be drawn too, and every plain table can be filtered.
  function enhanceTables() {
    for (const table of document.querySelectorAll("table.rows")) {
      const points = () => [...table.tBodies[0].rows].filter((r) => r.dataset.v !== undefined && !r.hidden).map((r) => ({
        label: r.dataset.label, v: Number(r.dataset.v), lo: r.dataset.lo === undefined ? null : Number(r.dataset.lo), hi: r.dataset.hi === undefined ? null : Number(r.dataset.hi), text: Number(r.dataset.v).toFixed(1) }));
      const scroll = table.closest(".scroll");
      if (table.tBodies[0].querySelector("tr[data-lo]")) {
        const place = el("div", {});
        const title = (table.closest("section") || document).querySelector("h2, h3, h1").textContent.trim();
        const button = el("button", { type: "button", "aria-expanded": "false", on: { click: () => {
          const open = button.getAttribute("aria-expanded") === "true";
          button.setAttribute("aria-expanded", String(!open));
          clear(place);
          if (!open) place.append(dots(points(), title));
        } } }, "Draw intervals");
        scroll.before(button, place);
      }
      if (table.classList.contains("filterable")) {
        const input = el("input", { type: "search", "aria-label": "Filter", placeholder: "Filter", on: { input: () => {
          const q = input.value.toLowerCase();
          for (const row of table.tBodies[0].rows) row.hidden = !row.textContent.toLowerCase().includes(q);
        } } });
        scroll.before(input);
      }
    }
  }

  // Samples: loaded when opened, shown as text in their own language and direction.
  const INVISIBLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffc\ud800-\udfff]/u;
  const code = (c) => "U+" + c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
  const printable = (text) => text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]|\p{Surrogate}/gu, "\ufffd");
  function textBox(text, tag, script) {
    const inner = el("bdi", { dir: "auto" }, printable(text));
    const box = el("div", { class: "text s-" + script, lang: tag, dir: "auto", tabindex: "0", role: "group", "aria-label": "Text" }, inner);
    let open = false;
    const reveal = el("button", { type: "button", "aria-pressed": "false", on: { click: () => {
      open = !open;
      reveal.setAttribute("aria-pressed", String(open));
      clear(inner);
      if (!open) { inner.append(printable(text)); return; }
      let plain = "";
      let count = 0;
      for (const c of text) {
        if (count < 5000 && INVISIBLE.test(c)) { count++; inner.append(plain, el("span", { class: "inv" }, code(c))); plain = ""; }
        else plain += c;
      }
      inner.append(printable(plain));
    } } }, "Reveal invisible");
    const copy = el("button", { type: "button", on: { click: async () => {
      const points = [...text].map(code).join(" ");
      try { await navigator.clipboard.writeText(points); copy.textContent = "Copied"; }
      catch { clear(inner).append(points); copy.textContent = "Shown as code points"; }
    } } }, "Copy code points");
    return el("div", {}, box, el("div", { class: "buttons" }, reveal, " ", copy));
  }
  function sampleNode(item, shard) {
    const score = item.score === null ? "unscored" : String(item.score);
    const node = el("article", { class: "sample" }, el("h4", {}, el("bdi", {}, item.model), " · ", el("bdi", {}, printable(item.id)), " · ", item.metric, " ", score));
    if (shard.withheld) return node;
    for (const [role, text] of item.prompt) node.append(el("p", { class: "role" }, printable(role)), textBox(text, shard.tag, shard.script));
    node.append(el("p", { class: "role" }, "answer (" + item.finish + (item.detail ? ", " : ""), el("bdi", {}, printable(item.detail)), ")"), item.answer === null ? el("p", {}, "no text") : textBox(item.answer, item.tag, item.script));
    if (item.targets.length) node.append(el("p", { class: "role" }, "expected"), ...item.targets.map((t) => textBox(t, item.tag, item.script)));
    return node;
  }
  function enhanceSamples() {
    for (const details of document.querySelectorAll("details[data-shard]")) {
      details.addEventListener("toggle", async () => {
        const place = details.querySelector(".shard");
        if (!details.open || place.dataset.done) return;
        place.dataset.done = "1";
        try {
          const shard = await load(details.dataset.shard);
          clear(place).append(...shard.items.map((item) => sampleNode(item, shard)));
        } catch (error) { clear(place).append(el("p", {}, error.message)); }
      });
    }
  }
  function openTarget() {
    const id = location.hash.slice(1);
    const target = id && !id.includes("=") && document.getElementById(id);
    const first = target && target.querySelector("details");
    if (first) first.open = true;
  }
  async function start() {
    readState();
    if (page === "overview" && board) { readBoard(); await makeControls(); }
    enhanceTables();
    enhanceSamples();
    openTarget();
    await render();
    document.documentElement.dataset.ready = "1";
  }
  addEventListener("hashchange", () => { readState(); openTarget(); render(); });
  document.addEventListener("DOMContentLoaded", start);
  return { put };
})();
