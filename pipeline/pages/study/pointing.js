// The line that is pointed at.

/** Draw the combination that is pointed at above the others, with a thin line for each seed. */
function drawPointed() {
  const group = state.pointed;
  if (!group) return chart.overlay.replaceChildren();
  const seeds = group.runs.map((run) => curve(pointsOf(run), { class: "seed", style: `stroke:${colorOf(group)}` }));
  const name = state.colored.has(group) ? [] : endName(group);
  chart.overlay.replaceChildren(curve(meanOf(group), { class: "under" }), ...seeds, meanLine(group), ...name);
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
