// What is shown: the axes of the chart, the lines in color, and the one that is pointed at.
const letters = "ABCDEF";
const state = {
  measure: 0, // an index of data.measures
  across: "epochs",
  isLog: {}, // of each axis by name
  fitsAll: false,
  colored: new Map(), // group -> slot, the number of its letter and color
  pointed: null, // a group
};
const listeners = { drawn: [], pointed: [] };

/** Call the listeners after a change of what is drawn, or of what is pointed at. */
function changed(kind) {
  for (const listener of listeners[kind]) listener();
}

function pointAt(group) {
  if (state.pointed === group) return;
  state.pointed = group;
  changed("pointed");
}

/** A finger leaves the screen at once: what it pointed at stays. */
function stopPointing({ pointerType }) {
  if (pointerType === "mouse") pointAt(null);
}

/** Show a line in color, or in gray again. If all colors are in use, it gets the oldest one. */
function toggle(group) {
  if (!state.colored.delete(group)) {
    if (state.colored.size === letters.length) state.colored.delete(state.colored.keys().next().value);
    const used = new Set(state.colored.values());
    state.colored.set(group, [...letters].findIndex((_, slot) => !used.has(slot)));
  }
  changed("drawn");
}

/** Show the first six of these lines in color, and no others. */
function colorOnly(groups) {
  state.colored = new Map(groups.slice(0, letters.length).map((group, slot) => [group, slot]));
  changed("drawn");
}

const colorOf = (group) =>
  state.colored.has(group) ? `var(--line-${state.colored.get(group)})` : "var(--ink)";
const letterOf = (group) => letters[state.colored.get(group)] ?? "";
