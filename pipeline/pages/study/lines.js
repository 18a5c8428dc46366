// Learning curves as points: of each run, and the mean of the runs of a combination.
const axes = {
  epochs: "An epoch is one pass over the training images.",
  gradients: "Each gradient is that of the loss of one batch.",
  images: "The images that gradients were computed from count each time.",
  seconds: "Seconds are those inside training steps, without validation and compilation; they differ between machines.",
};
const cache = new Map();

/** Return the points of a run: {x, y}; y is null where it was not finite. */
function pointsOf(run) {
  return run.logs[state.measure]
    .map((y, index) => ({ x: state.across === "epochs" ? index + 1 : run[state.across][index], y }));
}

/**
 * Return the mean curve of a combination: {x, y, low, high}.
 *
 * It ends with its shortest run, since the mean over fewer seeds would jump. Runs that failed count
 * only if all of them did.
 */
function meanOf(group) {
  const key = `${state.measure} ${state.across} ${data.groups.indexOf(group)}`;
  if (!cache.has(key)) cache.set(key, computeMean(group));
  return cache.get(key);
}

function computeMean(group) {
  const complete = group.runs.filter((run) => run.isComplete);
  const curves = (complete.length ? complete : group.runs).map(pointsOf).filter(({ length }) => length);
  const length = curves.length && Math.min(...curves.map((curve) => curve.length));
  return Array.from({ length }, (_, index) => curves.map((curve) => curve[index])).flatMap((points) => {
    const ys = points.map(({ y }) => y);
    if (ys.includes(null)) return [];
    return { x: average(points.map(({ x }) => x)), y: average(ys), low: Math.min(...ys), high: Math.max(...ys) };
  });
}

function average(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Return the smallest and the largest number that a function gives for the points of groups, if the scale has it. */
function extent(groups, numbersOf, kind) {
  let [low, high] = [Infinity, -Infinity];
  for (const group of groups) {
    for (const value of meanOf(group).flatMap(numbersOf)) {
      if (!kind.has(value)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (low < high) return [low, high];
  if (low > high) low = 0.5; // there are no numbers
  if (kind === kinds.error) return [low - (1 - low), low + (1 - low) / 2];
  return kind === kinds.log ? [low / 2, low * 2] : [low - Math.abs(low || 1) / 10, low + Math.abs(low || 1) / 10];
}
