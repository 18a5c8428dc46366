// Names at the ends of lines.

/** Return the width of the longest name, at most a third of the chart. */
function roomForNames(width) {
  const longest = Math.max(...[...state.colored.keys()].map(({ label }) => label.length), 8);
  return Math.min(Math.ceil(longest * 6.6) + 34, width / 3);
}

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

/** Return the name of a gray line above its end. */
function endName(group) {
  const end = visible(meanOf(group)).at(-1);
  if (!end) return [];
  const [x, y] = [chart.x(end.x), chart.y(end.y)];
  const name = shortened(group.label, Math.floor((chart.area.right - chart.area.left) / 6.8));
  const anchor = x > (chart.area.left + chart.area.right) / 2 ? "end" : "start";
  return [shape("text", { x, y: Math.max(y - 8, chart.area.top + 8), "text-anchor": anchor }, name)];
}
