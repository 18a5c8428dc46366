// Numbers as text.

const SPACE = "\u00a0"; // a line does not break there

/** Format a probability; rounding must not suggest certainty. */
export function percent(probability) {
  const shown = (100 * probability).toFixed(1);
  if (shown === "100.0") return `> 99.9${SPACE}%`;
  if (shown === "0.0") return `< 0.1${SPACE}%`;
  return `${shown}${SPACE}%`;
}

/** Format a predicted value to a thousandth of its `range`, or to four digits without one. */
export function valueText(value, range) {
  const shown = range ? value.toFixed(decimals(range)) : fourDigits(value);
  return Number(shown) === 0 ? shown.replace("-", "") : shown.replace("-", "−");
}

/** Format a number with its sign and two decimals. */
export const signed = (number) => `${number < 0 ? "−" : "+"}${Math.abs(number).toFixed(2)}`;

/** Format the score of a version: a share of correct predictions, or an error such as RMSE. */
export function scoreText({ name, value }) {
  if (name === "rmse") return `RMSE ${fourDigits(value)}`;
  return `${(100 * value).toFixed(1)}${SPACE}%`;
}

function decimals([least, most]) {
  return Math.min(20, Math.max(0, 3 - Math.ceil(Math.log10(most - least))));
}

function fourDigits(value) {
  return Math.abs(value) < 10_000 ? value.toPrecision(4) : value.toFixed(0);
}
