// Scales from numbers to pixels, and their ticks.

/** Return a function from [low, high] to [start, end]. */
function scale([low, high], [start, end], isLog) {
  const of = isLog ? Math.log10 : (value) => value;
  const span = of(high) - of(low) || 1;
  return (value) => start + ((of(value) - of(low)) / span) * (end - start);
}

/** Return about `count` round numbers in [low, high], at least `smallest` apart. */
function ticks([low, high], count, isLog, smallest = 0) {
  const chosen = isLog ? logTicks(low, high, count) : [];
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
