// The chart of learning curves.
const dashes = ["none", "none", "none", "7 3", "2 2.5", "9 3 2 3"]; // for readers without color
const chart = { root: byId("chart"), svg: null, overlay: null, x: null, y: null };

function drawChart() {
  const width = chart.root.clientWidth || 700;
  const height = chart.root.clientHeight || 360;
  const isWide = width >= 720;
  const area = { left: 46, right: width - (isWide ? roomForNames(width) : 26), top: 24, bottom: height - 40 };
  const measure = data.measures[state.measure];
  const [kindX, kindY] = [kindOf("across"), kindOf("measure")];
  const fitted = state.fitsAll || !state.colored.size ? data.groups : [...state.colored.keys()];
  const domainX = extent(fitted, ({ x }) => [x], kindX);
  if (kindX === kinds.linear) domainX[0] = 0; // no work
  const domainY = extent(fitted, ({ low, high }) => [low, high], kindY);
  Object.assign(chart, {
    area,
    x: scale(domainX, [area.left, area.right], kindX),
    y: scale(domainY, [area.bottom, area.top], kindY),
    svg: shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" }),
    overlay: shape("g", { class: "highlight", "clip-path": "url(#inside)" }),
  });
  chart.svg.setAttribute("aria-label", describe(measure));
  chart.svg.append(
    clip(area),
    ...rules(ticks(domainX, isWide ? 8 : 4, kindX, state.across === "seconds" ? 0 : 1), ticks(domainY, 6, kindY)),
    title(`${state.across}${kindX.note}`, area.right, height - 4, "end"),
    title(`${measure.title}${kindY.note}`, 0, 12, "start"),
    ...target(measure, domainY),
    shape("g", { "clip-path": "url(#inside)" }, ...lines()),
    chart.overlay,
    ...names(isWide),
  );
  chart.root.replaceChildren(chart.svg);
  drawPointed();
}

/** Return the kind of scale of an axis; that of a share shows the logarithm of the error. */
function kindOf(axis) {
  if (!isLog(axis)) return kinds.linear;
  return axis === "measure" && data.measures[state.measure].isShare ? kinds.error : kinds.log;
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
  const drawn = visible(points).filter(({ low, high }) => kindOf("measure").has(low) && kindOf("measure").has(high));
  const upper = drawn.map(({ x, high }) => `${round(chart.x(x))},${round(chart.y(high))}`);
  const lower = drawn.map(({ x, low }) => `${round(chart.x(x))},${round(chart.y(low))}`).reverse();
  return shape("path", { ...attributes, d: drawn.length > 1 ? `M${[...upper, ...lower].join("L")}Z` : "" });
}

function visible(points) {
  return points.filter(({ x, y }) => y !== null && kindOf("across").has(x) && kindOf("measure").has(y));
}

const round = (pixels) => Math.round(pixels * 10) / 10;
