// The chart of learning curves.
const dashes = ["none", "none", "none", "7 3", "2 2.5", "9 3 2 3"]; // for readers without color
const chart = { root: byId("chart"), svg: null, overlay: null, x: null, y: null };

function drawChart() {
  const width = chart.root.clientWidth || 700;
  const height = chart.root.clientHeight || 360;
  const isWide = width >= 720;
  const area = { left: 46, right: width - (isWide ? roomForNames(width) : 26), top: 24, bottom: height - 40 };
  const measure = data.measures[state.measure];
  const [logX, logY] = [isLog("across"), isLog("measure")];
  const fitted = state.fitsAll || !state.colored.size ? data.groups : [...state.colored.keys()];
  const domainX = extent(fitted, ({ x }) => [x], logX);
  if (!logX) domainX[0] = 0; // no work
  const domainY = extent(fitted, ({ low, high }) => [low, high], logY);
  Object.assign(chart, {
    area,
    x: scale(domainX, [area.left, area.right], logX),
    y: scale(domainY, [area.bottom, area.top], logY),
    svg: shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" }),
    overlay: shape("g", { class: "highlight", "clip-path": "url(#inside)" }),
  });
  chart.svg.setAttribute("aria-label", describe(measure));
  chart.svg.append(
    clip(area),
    ...rules(ticks(domainX, isWide ? 8 : 4, logX, state.across === "seconds" ? 0 : 1), ticks(domainY, 6, logY)),
    title(`${state.across}${logX ? " (log scale)" : ""}`, area.right, height - 4, "end"),
    title(`${measure.title}${logY ? " (log scale)" : ""}`, 0, 12, "start"),
    ...target(measure, domainY),
    shape("g", { "clip-path": "url(#inside)" }, ...lines()),
    chart.overlay,
    ...names(isWide),
  );
  chart.root.replaceChildren(chart.svg);
  drawPointed();
}

/** Return the width of the longest name, at most a third of the chart. */
function roomForNames(width) {
  const longest = Math.max(...[...state.colored.keys()].map(({ label }) => label.length), 8);
  return Math.min(Math.ceil(longest * 6.6) + 34, width / 3);
}

const isLog = (axis) => Boolean(state.isLog[axis === "across" ? state.across : `measure ${state.measure}`]);

function describe(measure) {
  const shown = [...state.colored].map(([group]) => `${letterOf(group)}, ${group.label}`).join("; ");
  return `${measure.title} against ${state.across}. Lines in color: ${shown || "none"}. The table of combinations has the numbers.`;
}

function clip({ left, right, top, bottom }) {
  const box = { x: left, y: top - 4, width: right - left + 6, height: bottom - top + 8 };
  return shape("clipPath", { id: "inside" }, shape("rect", box));
}

function title(text, x, y, anchor) {
  return shape("text", { x, y, "text-anchor": anchor, class: "title" }, text);
}

/** Return labels of both axes; the horizontal one has a line, the vertical one faint rules. */
function rules(across, upwards) {
  const { left, right, bottom } = chart.area;
  return [
    shape("line", { x1: left, x2: right, y1: bottom + 4, y2: bottom + 4, class: "base" }),
    ...upwards.flatMap((value) => {
      const y = chart.y(value);
      return [
        shape("line", { x1: left, x2: right, y1: y, y2: y, class: "rule" }),
        shape("text", { x: left - 6, y: y + 4, "text-anchor": "end", class: "tick" }, tickText(value)),
      ];
    }),
    ...across.flatMap((value) => {
      const x = chart.x(value);
      return [
        shape("line", { x1: x, x2: x, y1: bottom + 4, y2: bottom + 8, class: "base" }),
        shape("text", { x, y: bottom + 21, "text-anchor": "middle", class: "tick" }, tickText(value)),
      ];
    }),
  ];
}

function target(measure, [low, high]) {
  if (data.target === null || measure.name !== data.logged || data.target < low || data.target > high) return [];
  const { left, right } = chart.area;
  const y = chart.y(data.target);
  return [
    shape("line", { x1: left, x2: right, y1: y, y2: y, class: "target" }),
    shape("text", { x: left + 4, y: y - 4 }, `target ${tickText(data.target)}`),
  ];
}

function lines() {
  const gray = data.groups.filter((group) => !state.colored.has(group));
  const colored = [...state.colored.keys()];
  return [
    ...gray.map((group) => curve(meanOf(group), { class: "gray" })),
    ...colored.map((group) => band(meanOf(group), { class: "band", style: `fill:${colorOf(group)}` })),
    ...colored.map((group) => meanLine(group)),
  ];
}

function meanLine(group) {
  const slot = state.colored.get(group);
  const style = `stroke:${colorOf(group)};stroke-dasharray:${dashes[slot] ?? "none"}`;
  return curve(meanOf(group), { class: "mean", style });
}

/** Return a line through points; a single point is a short dash. */
function curve(points, attributes) {
  const drawn = visible(points).map(({ x, y }) => `${round(chart.x(x))},${round(chart.y(y))}`);
  const path = drawn.length === 1 ? `M${drawn[0]}h5` : drawn.length ? `M${drawn.join("L")}` : "";
  return shape("path", { ...attributes, d: path });
}

function band(points, attributes) {
  const drawn = visible(points).filter(({ low }) => !isLog("measure") || low > 0);
  const upper = drawn.map(({ x, high }) => `${round(chart.x(x))},${round(chart.y(high))}`);
  const lower = drawn.map(({ x, low }) => `${round(chart.x(x))},${round(chart.y(low))}`).reverse();
  return shape("path", { ...attributes, d: drawn.length > 1 ? `M${[...upper, ...lower].join("L")}Z` : "" });
}

function visible(points) {
  return points.filter(({ x, y }) => (!isLog("across") || x > 0) && (!isLog("measure") || y > 0));
}

const round = (pixels) => Math.round(pixels * 10) / 10;

/** Return the letters at the ends of the lines in color, moved apart, with names if there is room. */
function names(isWide) {
  const { right, top, bottom } = chart.area;
  const ends = [...state.colored.keys()].flatMap((group) => {
    const end = visible(meanOf(group)).at(-1);
    return end ? [{ group, x: chart.x(end.x), y: chart.y(end.y), end: chart.y(end.y) }] : [];
  });
  chart.hasAllNames = isWide;
  const placed = apart(ends.sort((a, b) => a.y - b.y), 15, top, bottom);
  return placed.flatMap(({ group, x, y, end }) => {
    const space = Math.floor((chart.root.clientWidth - right - 34) / 6.6);
    const text = isWide ? `${letterOf(group)}  ${shortened(group.label, space)}` : letterOf(group);
    chart.hasAllNames &&= group.label.length <= space;
    const label = (left, top, name) =>
      shape("text", { x: left + 8, y: top + 4, class: "name", style: `fill:${colorOf(group)}` }, name);
    if (x > right - 14) return label(right, y, text);
    return [label(x, end, letterOf(group)), ...(isWide ? [label(right, y, text)] : [])];
  });
}

/** Move sorted labels so that neighbors are `gap` pixels apart, within [top, bottom]. */
function apart(labels, gap, top, bottom) {
  labels.forEach((label, index) => {
    label.y = Math.max(label.y, top, index ? labels[index - 1].y + gap : top);
  });
  labels.reverse().forEach((label, index) => {
    label.y = Math.min(label.y, index ? labels[index - 1].y - gap : bottom);
  });
  return labels;
}

const shortened = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

/** Draw the combination that is pointed at above the others, with a thin line for each seed. */
function drawPointed() {
  const group = state.pointed;
  if (!group) return chart.overlay.replaceChildren();
  const seeds = group.runs.map((run) => curve(pointsOf(run), { class: "seed", style: `stroke:${colorOf(group)}` }));
  const name = state.colored.has(group) ? [] : endName(group);
  chart.overlay.replaceChildren(curve(meanOf(group), { class: "under" }), ...seeds, meanLine(group), ...name);
}

/** Return the name of a gray line above its end. */
function endName(group) {
  const end = visible(meanOf(group)).at(-1);
  if (!end) return [];
  const [x, y] = [chart.x(end.x), chart.y(end.y)];
  const name = shortened(group.label, Math.floor((chart.area.right - chart.area.left) / 6.8));
  const anchor = x > (chart.area.left + chart.area.right) / 2 ? "end" : "start";
  return [shape("text", { x, y: Math.max(y - 8, chart.area.top + 8), "text-anchor": anchor }, name)];
}

/** Return the combination whose line is nearest to a position in the chart, if any is near. */
function nearest(x, y) {
  let [found, best] = [null, 24];
  for (const group of data.groups) {
    const points = visible(meanOf(group)).map((point) => [chart.x(point.x), chart.y(point.y)]);
    points.forEach((point, index) => {
      const distance = toSegment([x, y], point, points[index + 1] ?? point) - (state.colored.has(group) ? 3 : 0);
      if (distance < best) [found, best] = [group, distance];
    });
  }
  return found;
}

function toSegment([x, y], [x1, y1], [x2, y2]) {
  const [dx, dy] = [x2 - x1, y2 - y1];
  const along = Math.min(1, Math.max(0, ((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(x - x1 - along * dx, y - y1 - along * dy);
}
