// Scales from numbers to pixels, and their ticks.

// Each kind of scale: what is drawn in proportion, and which numbers it can show. `error` is the
// logarithm of the distance to 1, so that accuracies of 0.98 and 0.99 are far apart.
const kinds = {
  linear: { of: (value) => value, has: () => true, note: "" },
  log: { of: Math.log10, has: (value) => value > 0, note: " (log scale)" },
  error: { of: (value) => -Math.log10(1 - value), has: (value) => value < 1, note: " (log scale of the error)" },
};

/** Return a function from [low, high] to [start, end]. */
function scale([low, high], [start, end], { of }) {
  const span = of(high) - of(low) || 1;
  return (value) => start + ((of(value) - of(low)) / span) * (end - start);
}

/** Return about `count` round numbers in [low, high], at least `smallest` apart. */
function ticks([low, high], count, kind, smallest = 0) {
  const chosen = kind === kinds.log ? logTicks(low, high, count) : kind === kinds.error ? shareTicks(low, high) : [];
  return chosen.length > 1 ? chosen : linearTicks(low, high, count, smallest);
}

function linearTicks(low, high, count, smallest) {
  const rough = Math.max((high - low || 1) / count, smallest);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

/** Return shares whose distances to 1 are 1, 2 or 5 times a power of ten. */
function shareTicks(low, high) {
  const shares = [0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998, 0.9999];
  return shares.filter((share) => share >= low && share <= high);
}

/** Return powers of ten, with 2 and 5 times them if they are few, or only some if they are many. */
function logTicks(low, high, count) {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const every = Math.ceil((last - first) / count);
  const factors = Math.log10(high / low) <= count / 2 ? [1, 2, 5] : [1];
  const found = [];
  for (let power = first; power <= last; power += every) {
    found.push(...factors.map((factor) => factor * 10 ** power));
  }
  return found.filter((value) => value >= low * 0.999 && value <= high * 1.001);
}
