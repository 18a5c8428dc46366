// Learning curves as points: of each run, and the mean of the runs of a combination.
const axes = {
  epochs: "An epoch is one pass over the training images.",
  gradients: "Each gradient is that of the loss of one batch.",
  images: "The images that gradients were computed from count each time.",
  seconds: "Seconds are those inside training steps, without validation and compilation; they differ between machines.",
};
const cache = new Map();

/** Return the points of a run with finite values: {x, y}. */
function pointsOf(run) {
  return run.logs[state.measure]
    .map((y, index) => ({ x: state.across === "epochs" ? index + 1 : run[state.across][index], y }))
    .filter(({ y }) => y !== null);
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
  return Array.from({ length }, (_, index) => {
    const points = curves.map((curve) => curve[index]);
    const ys = points.map(({ y }) => y);
    return { x: average(points.map(({ x }) => x)), y: average(ys), low: Math.min(...ys), high: Math.max(...ys) };
  });
}

function average(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Return the smallest and the largest number that a function gives for the points of groups. */
function extent(groups, numbersOf, isLog) {
  let [low, high] = [Infinity, -Infinity];
  for (const group of groups) {
    for (const value of meanOf(group).flatMap(numbersOf)) {
      if (isLog && value <= 0) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (low > high) return [isLog ? 1 : 0, isLog ? 10 : 1];
  if (low < high) return [low, high];
  return isLog ? [low / 2, low * 2] : [low - Math.abs(low || 1) / 10, low + Math.abs(low || 1) / 10];
}
