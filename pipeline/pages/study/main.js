// Connects the controls, the chart, the heat map and the tables.
const combinations = byId("combinations");
const hint = "Point at a line, or at a row or cell of the tables below, to see its numbers and the line of each seed. " +
  "Click it to add or remove its color; a seventh one replaces the oldest.";

function start() {
  for (const table of document.querySelectorAll("table.sortable")) makeSortable(table);
  byId("copy")?.addEventListener("click", copyCommand);
  startChoosing(combinations);
  if (data.measures.length) startCurves();
  startHeatMap();
  listeners.drawn.push(() => markChosen(combinations));
  listeners.pointed.push(() => markPointedRow(combinations), markPointedCell);
  heat.root.addEventListener("pointerleave", stopPointing);
  colorOnly(data.groups);
  changed("pointed");
}

function startCurves() {
  for (const name of Object.keys(axes)) state.isLog[name] = isSpread(name);
  choices("measure", data.measures.map(({ title }, index) => [title, index]), (index) => { state.measure = index; });
  choices("across", Object.keys(axes).map((name) => [name, name]), (name) => { state.across = name; });
  onCheck("log-across", (checked) => { state.isLog[state.across] = checked; });
  onCheck("log-measure", (checked) => { state.isLog[`measure ${state.measure}`] = checked; });
  onCheck("fit-all", (checked) => { state.fitsAll = checked; });
  listeners.drawn.push(drawChart, drawLegend, updateControls);
  listeners.pointed.push(drawPointed, () => readOut());
  byId("chart").addEventListener("pointermove", follow);
  byId("chart").addEventListener("pointerleave", stopPointing);
  byId("chart").addEventListener("click", (event) => { follow(event); if (state.pointed) toggle(state.pointed); });
  byId("clear").addEventListener("click", () => colorOnly([]));
  new ResizeObserver(() => { drawChart(); drawLegend(); }).observe(byId("chart"));
}

/** Return whether the ends of the lines differ so much that a logarithmic scale shows them better. */
function isSpread(name) {
  if (name === "epochs") return false;
  const ends = data.groups.flatMap(({ runs }) => runs.map((run) => run[name].at(-1)).filter((end) => end > 0));
  return Math.max(...ends) / Math.min(...ends) > 20;
}

function choices(name, entries, choose) {
  entries.forEach(([text, value], index) => {
    const input = element("input", { type: "radio", name, value, checked: index === 0 });
    input.addEventListener("change", () => { choose(value); changed("drawn"); readOut(); });
    byId(name).append(element("label", {}, input, " ", element("span", { textContent: text })));
  });
}

function onCheck(id, choose) {
  byId(id).addEventListener("change", ({ target }) => { choose(target.checked); changed("drawn"); });
}

function updateControls() {
  byId("log-across").checked = isLog("across");
  byId("log-measure").checked = isLog("measure");
  byId("meaning").textContent = `${measureMeaning()} ${axes[state.across]}`;
}

function measureMeaning() {
  const { name, title } = data.measures[state.measure];
  const of = name === "loss" ? "the training images, during the epoch" : "the validation images, after the epoch";
  return `The ${title} is measured on ${of}.`;
}

function follow(event) {
  const box = chart.svg.getBoundingClientRect();
  pointAt(nearest(event.clientX - box.left, event.clientY - box.top));
  readOut(event.clientX - box.left);
}

/** Describe the combination that is pointed at, at the point nearest to `x`, by default the last. */
function readOut(x = Infinity) {
  const group = state.pointed;
  const points = group ? meanOf(group) : [];
  if (!points.length) {
    byId("readout").textContent = group ? `${group.label}: no complete epoch.` : hint;
    return;
  }
  const distance = (point) => Math.abs(chart.x(point.x) - Math.min(x, 1e6));
  const point = points.reduce((best, next) => (distance(next) <= distance(best) ? next : best));
  const tuned = data.tuned.map(({ key, title }) => key in group.shown && `${title} ${group.shown[key]}`).filter(Boolean);
  const range = group.runs.length > 1 ? ` (${point.low.toFixed(4)} to ${point.high.toFixed(4)})` : "";
  byId("readout").textContent = `${[group.label, ...tuned].join(", ")}: ${data.measures[state.measure].title} ` +
    `${point.y.toFixed(4)}${range} after ${grouped.format(point.x)} ${state.across}.`;
}

/** List the names of the lines in color, unless the chart has room for all of them. */
function drawLegend() {
  byId("legend").hidden = chart.hasAllNames;
  byId("legend").replaceChildren(...[...state.colored].sort((a, b) => a[1] - b[1]).map(([group, slot]) => {
    const sample = shape("line", { x1: 0, x2: 26, y1: 6, y2: 6, "stroke-width": 2.5,
      style: `stroke:${colorOf(group)};stroke-dasharray:${dashes[slot]}` });
    return element("li", {}, shape("svg", { width: 26, height: 12, "aria-hidden": true }, sample),
      element("b", { textContent: letterOf(group) }), element("span", { textContent: group.label }));
  }));
}

async function copyCommand() {
  const button = byId("copy");
  try {
    await navigator.clipboard.writeText(byId("command").textContent);
    button.textContent = "Copied";
  } catch { // the browser does not permit it: the text is selected, to be copied by hand
    getSelection().selectAllChildren(byId("command"));
    button.textContent = "Selected";
  }
}

start();
