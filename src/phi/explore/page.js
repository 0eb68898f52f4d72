"use strict";
// The page of `phi explore`. All numbers come from the data that the program wrote; nothing is computed
// here but places on the screen. Names are only ever set as text.
let failures = 0;
window.addEventListener("error", () => { document.body.dataset.failures = String(++failures); });

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

function element(tag, attributes, ...children) {
  const is_svg = ["svg", "g", "circle", "path", "text", "title", "defs", "marker"].includes(tag);
  const it = is_svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) it.setAttribute(name, value);
  it.append(...children);
  return it;
}

const n = data.cm.length;
const short = (text) => (text.length > 24 ? text.slice(0, 23) + "…" : text);
const name = (unit) => (data.labels ? short(data.labels[unit]) : String(unit));
const names = (units) => "{" + units.map(name).join(",") + "}";
const bits = (state) => "(" + state.join(",") + ")";
const number = (it) => (it === 0 ? "0" : Math.abs(it) < 1e9 ? it.toFixed(6) : it.toExponential(6));
const count = (it, what) => it + " " + what + (String(it) === "1" ? "" : "s");

const view = { at: data.given, theory: data.theories[data.theories.length - 1], chosen: null, least: 0, leastRelated: 0 };
const here = () => data.states[view.at];
const between = data.sizes.some((size) => size > 10) ? "," : "";
const key = (state) => state.join(between);
const places = new Map(data.states.map((it, at) => [key(it.state), at]));

// ---- what the answer of a theory comes to: the same shape for both

function structure() {
  const answer = here()[view.theory];
  if (!answer || answer.error) return { items: [], relations: [], left_out: [] };
  if (view.theory === "iit3") {
    const item = (it) => ({ mechanism: it.mechanism, phi: it.phi, cause: it.cause, effect: it.effect });
    return { items: answer.ces.map(item), relations: [], left_out: [] };
  }
  const item = (it) => ({ mechanism: it.mechanism, phi: it.phi_d, cause: it.cause, effect: it.effect });
  return {
    items: answer.distinctions.map(item),
    relations: answer.relations || [],
    left_out: answer.dropped_incongruent.map(item),
  };
}

function severed() {
  const answer = here()[view.theory];
  if (!answer || answer.error) return [];
  if (view.theory === "iit3") {
    if (!answer.cut || !(answer.phi > 0)) return [];
    return answer.cut.severed_from.flatMap((a) => answer.cut.severed_to.map((b) => [a, b]));
  }
  return answer.phi_s > 0 ? answer.partition.cut_edges : [];
}

// ---- the network

function drawNetwork() {
  const radius = Math.max(70, (n * 66) / (2 * Math.PI));
  const size = 2 * (radius + 74);
  const angle = (unit) => (2 * Math.PI * unit) / n - Math.PI / 2;
  const place = (unit) => n === 1 ? [size / 2, size / 2]
    : [size / 2 + radius * Math.cos(angle(unit)), size / 2 + radius * Math.sin(angle(unit))];
  const cut = new Set(severed().map((it) => it.join(">")));
  const svg = element("svg", { viewBox: `0 0 ${size} ${size}`, width: size, height: size, role: "group", "aria-label": "Units and connections" });
  const head = (id, color) => element("marker", { id, viewBox: "0 0 10 10", refX: 9, refY: 5, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" },
    element("path", { d: "M0 0L10 5L0 10z", fill: color }));
  svg.append(element("defs", {}, head("head", "var(--muted)"), head("cuthead", "var(--orange)")));
  data.cm.forEach((row, from) => row.forEach((is, to) => {
    if (!is) return;
    const is_cut = cut.has(from + ">" + to);
    const [x0, y0] = place(from), [x1, y1] = place(to);
    let d;
    if (from === to) {
      const a = angle(from), r = 20;
      const p = (turn) => [x0 + (r + 4) * Math.cos(a + turn), y0 + (r + 4) * Math.sin(a + turn)];
      const q = (turn) => [x0 + 3 * r * Math.cos(a + turn), y0 + 3 * r * Math.sin(a + turn)];
      d = `M${p(-0.45)}C${q(-0.5)} ${q(0.5)} ${p(0.45)}`;
    } else {
      const dx = x1 - x0, dy = y1 - y0, far = Math.hypot(dx, dy);
      const m = [(x0 + x1) / 2 - 0.12 * dy, (y0 + y1) / 2 + 0.12 * dx];
      const edge = ([x, y], [tx, ty], gap) => {
        const l = Math.hypot(tx - x, ty - y) || far;
        return [x + (gap * (tx - x)) / l, y + (gap * (ty - y)) / l];
      };
      d = `M${edge([x0, y0], m, 22)}Q${m} ${edge([x1, y1], m, 25)}`;
    }
    svg.append(element("path", { d, fill: "none", stroke: is_cut ? "var(--orange)" : "var(--muted)", "stroke-width": is_cut ? 2.2 : 1.5,
      "stroke-dasharray": is_cut ? "6 4" : "none", "marker-end": `url(#${is_cut ? "cuthead" : "head"})` }));
  }));
  for (let unit = 0; unit < n; unit++) {
    const [x, y] = place(unit), value = here().state[unit], on = value > 0, inside = data.nodes.includes(unit);
    const label = name(unit) + ": " + (data.sizes[unit] > 2 ? value : on ? "ON" : "OFF") + (inside ? "" : ", outside the system");
    const group = element("g", { class: "unit", role: "button", tabindex: 0, "aria-pressed": String(on), "aria-label": label, "data-unit": unit });
    group.append(element("title", {}, label));
    if (!inside) group.append(element("circle", { cx: x, cy: y, r: 25, fill: "none", stroke: "var(--muted)", "stroke-dasharray": "4 3" }));
    group.append(element("circle", { class: "body", cx: x, cy: y, r: 20, fill: on ? "var(--ink)" : "var(--paper)", stroke: "var(--ink)", "stroke-width": 2 }));
    const text = data.sizes[unit] > 2 ? `${name(unit)}=${value}` : name(unit);
    group.append(text.length <= 3
      ? element("text", { x, y: y + 5, "text-anchor": "middle", class: on ? "on" : "off" }, text)
      : element("text", { x, y: y + 38, "text-anchor": "middle" }, short(text).slice(0, 14)));
    const flip = () => {
      const next = here().state.slice();
      next[unit] = (next[unit] + 1) % data.sizes[unit];
      go(next, unit);
    };
    group.addEventListener("click", flip);
    group.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); flip(); }
    });
    svg.append(group);
  }
  byId("graph").replaceChildren(svg);
}

function go(state, unit) {
  const at = places.get(key(state));
  if (at === undefined) {
    byId("missing").textContent = `State ${bits(state)} is not in this page; phi explore --states all has every state.`;
    return;
  }
  byId("missing").textContent = "";
  view.at = at;
  startOver();
  // Within another page there is no address of this one.
  if (location.protocol !== "about:") history.replaceState(null, "", "#" + key(state));
  show();
  if (unit !== undefined) byId("graph").querySelector(`[data-unit="${unit}"]`).focus();
}

// ---- numbers

function card(title, value, ...lines) {
  const it = element("div", { class: "card" }, element("span", {}, title), element("strong", {}, value));
  lines.filter(Boolean).forEach((line) => it.append(element("p", { class: "muted" }, line)));
  return it;
}

function parts(partition) {
  const said = { inputs_cut: "inputs cut", outputs_cut: "outputs cut", both: "cut" };
  return partition.parts.map((it, at) => names(it) + " " + said[partition.directions[at]]).join(" | ");
}

function drawCards() {
  const cards = [], now = here(), three = now.iit3, four = now.iit4;
  if (three) {
    if (three.error) cards.push(card("IIT 3.0", "–", three.error));
    else cards.push(card("Φ, IIT 3.0", number(three.phi),
      three.cut && three.phi > 0 ? `lost by severing ${names(three.cut.severed_from)} → ${names(three.cut.severed_to)}` : "some cut takes nothing away",
      `${count(three.ces.length, "concept")}, Σφ = ${number(three.ces.reduce((sum, it) => sum + it.phi, 0))}`,
      three.ties > 0 ? `${three.ties} core causes or effects were chosen among equals: with another numbering Φ may differ` : "",
      three.range ? `over tied choices Φ is from ${number(three.range.low)} to ${number(three.range.high)}` : ""));
  }
  if (four) {
    if (four.error) cards.push(card("IIT 4.0", "–", four.error));
    else {
      cards.push(card("φ_s, IIT 4.0", number(four.phi_s),
        four.phi_s > 0 ? `minimum information partition: ${parts(four.partition)}` : "not a complex: some partition takes nothing away",
        four.mip_ties > 1 ? `${four.mip_ties} partitions tie` : "",
        four.tied_state_pairs > 1 ? `${four.tied_state_pairs} pairs of specified states tie` : ""));
      cards.push(card("Φ, IIT 4.0", number(four.big_phi),
        `${count(four.distinctions.length, "distinction")}, Σφ_d = ${number(four.sum_phi_d)}`,
        `${count(four.n_relations, "relation")}, Σφ_r = ${number(four.sum_phi_r)}`,
        four.choice && !four.choice.proven ? `ties allow ${four.choice.combinations} combinations: Φ may be larger, at most ${four.choice.big_phi_at_most === null ? "unknown" : number(four.choice.big_phi_at_most)}` : "",
        four.choice && four.choice.proven && String(four.choice.combinations) !== "1" ? `the largest of ${four.choice.combinations} combinations of ties` : "",
        four.dropped_incongruent.length ? `${four.dropped_incongruent.length} not congruent, left out` : ""));
    }
  }
  for (const [theory, title] of [["iit3", "Complexes, IIT 3.0"], ["iit4", "Complexes, IIT 4.0"]]) {
    const found = now.complexes[theory];
    if (!found) continue;
    const value = (it) => theory === "iit3" ? `Φ = ${number(it.phi)}` : `φ_s = ${number(it.phi_s)}, Φ = ${number(it.big_phi)}`;
    cards.push(card(title, String(found.length), ...found.slice(0, 6).map((it) => `${names(it.nodes)}: ${value(it)}`),
      found.length > 6 ? `and ${found.length - 6} more` : ""));
  }
  byId("cards").replaceChildren(...cards);
  byId("now").textContent = bits(now.state);
}

// ---- tables

const side = (it) => names(it.purview) + (it.state ? "=" + bits(it.state) : "");
function table(caption, head, rows) {
  const it = element("table", {}, element("caption", {}, caption));
  it.append(element("thead", {}, element("tr", {}, ...head.map((cell) => element("th", { scope: "col" }, cell)))));
  it.append(element("tbody", {}, ...rows));
  return it;
}

function drawTables() {
  const { items, relations, left_out } = structure();
  const word = view.theory === "iit3" ? "concept" : "distinction";
  const row = (it, at, is_left_out) => {
    const pick = is_left_out ? document.createTextNode(names(it.mechanism))
      : element("button", { type: "button", "aria-pressed": String(view.chosen === at) }, names(it.mechanism));
    if (!is_left_out) pick.addEventListener("click", () => { view.chosen = view.chosen === at ? null : at; drawTables(); drawPlot(); });
    const cell = (text, kind) => element("td", kind ? { class: kind } : {}, text);
    const line = element("tr", view.chosen === at && !is_left_out ? { class: "chosen" } : {}, element("th", { scope: "row" }, pick),
      cell(number(it.phi), "number"), cell(side(it.cause)), cell(number(it.cause.phi), "number"), cell(side(it.effect)), cell(number(it.effect.phi), "number"));
    if (is_left_out) line.append(cell("not congruent"));
    return line;
  };
  const rows = [...items.map((it, at) => row(it, at, false)), ...left_out.map((it) => row(it, -1, true))];
  byId("table").replaceChildren(items.length + left_out.length
    ? table(`${count(items.length, word)}; choose one to see it alone with its relations`, ["mechanism", "φ", "cause", "φ", "effect", "φ"], rows)
    : element("p", { class: "muted" }, `no ${word}s`));
  const some = chosenRelations(items, relations).slice(0, 40);
  const of = (it) => element("tr", {}, element("td", {}, it.mechanisms.map(names).join(" ")),
    element("td", {}, it.overlap.map(([unit, state]) => name(unit) + "=" + state).join(" ")), element("td", { class: "number" }, number(it.phi_r)), element("td", { class: "number" }, String(it.n_faces)));
  byId("relations").replaceChildren(...(some.length
    ? [table(`the ${some.length} relations with the largest φ_r of those in this page`, ["mechanisms", "in common", "φ_r", "faces"], some.map(of))] : []));
}

function chosenRelations(items, relations) {
  if (view.chosen === null || !items[view.chosen]) return relations;
  const its = JSON.stringify(items[view.chosen].mechanism);
  return relations.filter((it) => it.mechanisms.some((mechanism) => JSON.stringify(mechanism) === its));
}

// ---- three dimensions

function drawPlot() {
  const { items, relations } = structure();
  const css = getComputedStyle(document.documentElement);
  const color = (role) => css.getPropertyValue("--" + role).trim();
  const most = Math.max(0, ...items.map((it) => it.phi));
  const mostRelated = Math.max(0, ...relations.map((it) => it.phi_r));
  const share = view.least / 100;
  const kept = items.map((it, at) => it.phi >= share * most && (view.chosen === null || view.chosen === at || view.theory === "iit4"));
  const related = (view.leastRelated / 100) * mostRelated;
  const position = new Map(items.map((it, at) => [JSON.stringify(it.mechanism), at]));
  const poles = new Map();
  const inSet = new Map();
  const spot = (item, at, is_cause) => {
    const mice = is_cause ? item.cause : item.effect;
    // Purviews above the middle of their units, the larger the higher; those over the same purview on a ring.
    const angle = (unit) => (2 * Math.PI * data.nodes.indexOf(unit)) / Math.max(1, data.nodes.length);
    let [x, y] = [0, 0];
    mice.purview.forEach((unit) => { x += Math.cos(angle(unit)); y += Math.sin(angle(unit)); });
    const size = mice.purview.length;
    const set = JSON.stringify(mice.purview);
    const k = inSet.get(set) || 0;
    inSet.set(set, k + 1);
    const turn = 2.4 * k, r = k === 0 ? 0 : 0.07 * Math.sqrt(k);
    return [x / Math.sqrt(size) + r * Math.cos(turn), y / Math.sqrt(size) + r * Math.sin(turn), size + (is_cause ? -0.12 : 0.12)];
  };
  items.forEach((item, at) => { poles.set(at + "c", spot(item, at, true)); poles.set(at + "e", spot(item, at, false)); });
  const elements = (mice) => new Set(mice.purview.map((unit, k) => unit + ":" + (mice.state ? mice.state[k] : "")));
  const sets = items.map((it) => ({ c: elements(it.cause), e: elements(it.effect) }));
  // Every choice of a cause or an effect of each distinction that shares an element.
  const faces = (of) => {
    let chosen = [[]];
    for (const at of of) chosen = chosen.flatMap((it) => [[...it, [at, "c"]], [...it, [at, "e"]]]);
    return chosen.filter((it) => [...sets[it[0][0]][it[0][1]]].some((element) => it.every(([at, s]) => sets[at][s].has(element))));
  };
  const shownRelations = chosenRelations(items, relations).filter((it) => it.phi_r >= related
    && it.mechanisms.every((mechanism) => kept[position.get(JSON.stringify(mechanism))]));
  // Lines by their width, the widest first.
  const lines = [5, 2.5, 1].map((width, at) =>
    ({ width, color: color("blue"), opacity: 0.75 - 0.2 * at, ends: [] }));
  const line = (ends, phi, most) =>
    lines[2 - Math.min(2, Math.floor((3 * phi) / (most || 1)))].ends.push(ends);
  const said = (it) => [`relation of ${it.mechanisms.map(names).join(", ")}`,
    `in common ${it.overlap.map(([unit, state]) => name(unit) + "=" + state).join(", ")}`,
    `φ_r = ${number(it.phi_r)}`].join("\n");
  const corners = [], dots = [];
  shownRelations.sort((a, b) => b.phi_r - a.phi_r);
  for (const relation of shownRelations) {
    const of = relation.mechanisms.map((it) => position.get(JSON.stringify(it)));
    const ends = of.length === 1 ? [[[of[0], "c"], [of[0], "e"]]] : faces(of);
    const points = ends.map((face) => face.map(([d, s]) => poles.get(d + s)));
    for (const it of points) {
      if (it.length === 2) line(it, relation.phi_r, mostRelated);
      else corners.push(it);
    }
    if (points.length === 0) continue;
    const mean = (axis) => points[0].reduce((sum, it) => sum + it[axis], 0) / points[0].length;
    dots.push({ at: [0, 1, 2].map(mean), size: 4, color: color("blue"), isOpen: false, said: said(relation) });
  }
  items.forEach((item, at) => {
    if (!kept[at]) return;
    if (view.theory === "iit3") line([poles.get(at + "c"), poles.get(at + "e")], item.phi, most);
    for (const [letter, of] of [["c", "cause"], ["e", "effect"]]) {
      dots.push({
        at: poles.get(at + letter), size: Math.round(5 + (7 * item.phi) / (most || 1)),
        color: color(at === view.chosen ? "orange" : "ink"), isOpen: letter === "c",
        name: names(item.mechanism), weight: item.phi,
        said: `${of} of ${names(item.mechanism)}: ${side(item[of])}\n`
          + `φ = ${number(item[of].phi)}, of the whole ${number(item.phi)}`,
      });
    }
  });
  const nDistinctions = kept.filter(Boolean).length;
  const answer = here()[view.theory];
  const word = view.theory === "iit3" ? "concept" : "distinction";
  byId("shown").textContent = `shown: ${nDistinctions} of ${count(items.length, word)}` + (view.theory === "iit4" && answer && !answer.error
    ? `, ${shownRelations.length} of ${count(answer.n_relations, "relation")}` + (String(relations.length) === String(answer.n_relations) ? ""
      : `; in this page are the ${relations.length} with the largest φ_r of the ${answer.n_small_relations} among up to three distinctions`) : "");
  byId("legend").textContent = view.theory === "iit4"
    ? "Empty: cause, filled: effect, beside the name of the mechanism; the higher, the larger the purview. Lines: relations of two distinctions, or of one with itself; areas: of three. Drag to turn, scroll to zoom, drag with the right button or two fingers to move; the keys are the arrows, + and −, and Home. Point at a dot to read its values."
    : "Empty: core cause, filled: core effect, joined by a line the wider the larger φ; the higher, the larger the purview. Drag to turn, scroll to zoom, drag with the right button or two fingers to move; the keys are the arrows, + and −, and Home. Point at a dot to read its values.";
  byId("leastsaid").textContent = `${number(share * most)}`;
  byId("relatedsaid").textContent = `${number(related)}`;
  if (!canDraw()) return;
  const opacity = Math.max(0.04, Math.min(0.25, 6 / corners.length));
  figure.show({ dots, lines, areas: { corners, color: color("orange"), opacity },
    places: [...poles.values()], paper: color("paper"), ink: color("ink") });
}

// The figure in three dimensions: null where the browser has none.
let figure;
function canDraw() {
  if (figure === undefined) {
    try {
      figure = window.THREE ? new Figure(byId("plot")) : null;
    } catch {
      // three.js says so when the browser gives it no WebGL.
      figure = null;
    }
    if (!figure) {
      byId("plot").replaceWith(element("p", {},
        "This browser cannot draw in three dimensions (WebGL); the table has the same numbers."));
      byId("legend").hidden = true;
    }
  }
  return figure !== null;
}

// Where there are many relations, the weakest are hidden at first: they would hide the others.
function startOver() {
  const { relations } = structure();
  const most = Math.max(0, ...relations.map((it) => it.phi_r));
  const at = relations.length > CLEAR ? relations.map((it) => it.phi_r).sort((a, b) => b - a)[CLEAR] : 0;
  Object.assign(view, { chosen: null, least: 0, leastRelated: most > 0 && at > 0 ? Math.min(100, Math.floor((100 * at) / most) + 1) : 0 });
  byId("least").value = String(view.least);
  byId("related").value = String(view.leastRelated);
  byId("relatedlabel").hidden = relations.length === 0;
}
const CLEAR = 120;

// ---- the page

function show() {
  byId("state").value = String(view.at);
  drawNetwork();
  drawCards();
  drawTables();
  drawPlot();
  for (const button of byId("theories").children) button.setAttribute("aria-pressed", String(button.dataset.theory === view.theory));
}

byId("about").textContent = `${count(n, "unit")}, ${count(data.states.length, "state")} in this page. ${data.notes.join(" ")}`;
byId("foot").textContent = `Written by ${data.program}. Every number is that of phi compute --format json.`;
data.states.forEach((it, at) => {
  const phi = it.iit4 && !it.iit4.error ? `φ_s ${number(it.iit4.phi_s)}` : it.iit3 && !it.iit3.error ? `Φ ${number(it.iit3.phi)}` : "no previous state leads to it";
  byId("state").append(element("option", { value: at }, `${bits(it.state)}  ${phi}`));
});
byId("state").addEventListener("change", (event) => go(data.states[Number(event.target.value)].state));
for (const theory of data.theories) {
  const button = element("button", { type: "button", "data-theory": theory }, theory === "iit3" ? "IIT 3.0" : data.iit4);
  button.addEventListener("click", () => { view.theory = theory; startOver(); show(); });
  byId("theories").append(button);
}
byId("least").addEventListener("input", (event) => { view.least = Number(event.target.value); drawPlot(); });
byId("related").addEventListener("input", (event) => { view.leastRelated = Number(event.target.value); drawPlot(); });
byId("all").addEventListener("click", () => { startOver(); drawTables(); drawPlot(); if (figure) figure.reset(); });
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => show());
const asked = places.get(location.hash.slice(1));
if (asked !== undefined) view.at = asked;
startOver();
show();
document.body.dataset.ready = "true";
