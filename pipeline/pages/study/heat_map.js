// The heat map: the best combination for each pair of values of two keys.
const heat = { root: byId("heat-map"), rows: byId("heat-rows"), columns: byId("heat-columns") };

function startHeatMap() {
  if (byId("heat").hidden) return;
  for (const [select, chosen] of [[heat.rows, 0], [heat.columns, 1]]) {
    select.append(...data.axes.map(({ title }, index) => new Option(title, index)));
    select.value = chosen;
    select.addEventListener("change", () => swapIfSame(select));
  }
  byId("heat-text").textContent = heatText();
  drawHeatMap();
}

/** Two different keys are always shown: choosing the other one exchanges them. */
function swapIfSame(select) {
  const other = select === heat.rows ? heat.columns : heat.rows;
  if (other.value === select.value) other.value = select.dataset.before;
  drawHeatMap();
}

function heatText() {
  const tuned = data.tuned.map(({ title }) => title).join(", ");
  const others = data.axes.length > 2 ? " It is the best over the values of the other keys." : "";
  return `Each cell has the mean validation ${data.score.title}` +
    (tuned ? `, and below it the tuned ${tuned} that gave it.` : ".") +
    `${others} The stronger the color, the lower the error (on a logarithmic scale). The best cell has a frame. Click a cell, or the name of a row or column, to see its lines in color above.`;
}

function drawHeatMap() {
  for (const select of [heat.rows, heat.columns]) select.dataset.before = select.value;
  const [rows, columns] = [data.axes[heat.rows.value], data.axes[heat.columns.value]];
  const shade = shades();
  const groupOf = (row, column) => bestOf(rows.key, row.text, columns.key, column.text);
  const head = element("tr", {}, element("td"), ...columns.values.map((column) =>
    heading("col", column.label, () => rows.values.map((row) => groupOf(row, column)))));
  const body = rows.values.map((row) => element("tr", {},
    heading("row", row.label, () => columns.values.map((column) => groupOf(row, column))),
    ...columns.values.map((column) => heatCell(groupOf(row, column), shade))));
  heat.root.replaceChildren(element("table", {},
    element("thead", {}, element("tr", {}, element("td"),
      element("th", { colSpan: columns.values.length, textContent: columns.title })), head),
    element("tbody", {}, ...body)));
  markPointedCell();
}

/** Return the heading of a row or column; clicking it shows the lines of its cells in color. */
function heading(scope, label, groups) {
  const button = element("button", { type: "button", textContent: label });
  button.title = "Show the lines of these cells in color";
  button.addEventListener("click", () => colorOnly(groups().filter(Boolean)));
  return element("th", { scope }, button);
}

/** Return the best combination with two values: they are in the order of their ranks. */
function bestOf(row, rowValue, column, columnValue) {
  const has = ({ values }, key, value) => (values[key] ?? null) === value; // null: without the key
  return data.groups.find((group) => has(group, row, rowValue) && has(group, column, columnValue));
}

function heatCell(group, shade) {
  if (!group) return element("td", { textContent: "–" });
  const hasScore = group.mean !== null;
  const score = hasScore ? group.mean.toFixed(4) : "failed";
  const tuned = data.tuned.filter(({ key }) => hasScore && key in group.shown).map(({ key }) => group.shown[key]).join(", ");
  const button = element("button", { type: "button" }, score, element("small", { textContent: tuned || "\u00a0" }));
  button.setAttribute("aria-label", `${group.label}: ${score}${tuned ? `, tuned to ${tuned}` : ""}`);
  button.style.background = `color-mix(in oklab, var(--heat) ${shade(group)}%, var(--soft))`;
  button.addEventListener("click", () => toggle(group));
  button.addEventListener("pointerenter", () => pointAt(group));
  button.addEventListener("focus", () => pointAt(group));
  const cell = element("td", { className: group === data.groups[0] ? "best" : "" }, button);
  cell.group = group;
  return cell;
}

/** Return the function from a combination to its shade in percent. */
function shades() {
  const rated = data.groups.filter(({ mean }) => mean !== null);
  const isShare = !data.score.isError && rated.every(({ mean }) => mean <= 1);
  const errorOf = ({ mean }) => (isShare ? 1 - mean : Math.abs(mean));
  const smallest = Math.min(...rated.map(errorOf).filter((error) => error > 0), 1);
  const goodness = (group) => -Math.log(Math.max(errorOf(group), smallest / 2));
  const all = rated.map(goodness);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  return (group) => (group.mean === null ? 0 : Math.round((100 * (goodness(group) - low)) / (high - low || 1)));
}

function markPointedCell() {
  for (const cell of heat.root.querySelectorAll("td")) {
    cell.classList.toggle("pointed", Boolean(cell.group) && cell.group === state.pointed);
  }
}
