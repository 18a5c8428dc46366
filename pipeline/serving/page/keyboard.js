// Drawing with the keyboard, and shortcuts that work everywhere on the page.

const STEP = 0.04; // of the side
const FINE_STEP = 0.01; // with Shift
const ARROWS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Arrow keys move a pen, two at once diagonally; Space or Enter lowers or lifts it. */
export function followKeyboard(canvas, sketch, paper, say) {
  const held = new Set();
  let pen = { x: 0.5, y: 0.5, down: false };

  const show = (cursor) => {
    paper.cursor = cursor;
    paper.refresh();
  };
  const lift = () => {
    if (pen.down) sketch.end();
    pen = { ...pen, down: false };
  };
  const leave = () => {
    held.clear();
    show(null);
  };

  const move = (step) => {
    const [right, down] = [0, 1].map((axis) => sum([...held].map((key) => ARROWS[key][axis])));
    pen = { ...pen, x: within(pen.x + step * right), y: within(pen.y + step * down) };
    if (pen.down) sketch.extend([{ x: pen.x, y: pen.y }]);
    show(pen);
  };

  const toggle = () => {
    if (pen.down) lift();
    else {
      pen = { ...pen, down: true };
      sketch.begin({ x: pen.x, y: pen.y });
    }
    show(pen);
    say(pen.down ? "Pen down" : "Pen up");
  };

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in ARROWS) {
      held.add(event.key);
      move(event.shiftKey ? FINE_STEP : STEP);
    } else if (event.key === " " || event.key === "Enter") {
      if (!event.repeat) toggle();
    } else return;
    event.preventDefault(); // the page would scroll
  });
  canvas.addEventListener("keyup", (event) => held.delete(event.key));

  canvas.addEventListener("focus", () => canvas.matches(":focus-visible") && show(pen));
  canvas.addEventListener("blur", () => {
    lift();
    leave();
  });
  canvas.addEventListener("pointerdown", () => {
    pen = { ...pen, down: false }; // the stroke that is open belongs to the pointer now
    leave();
  });
  sketch.addEventListener("change", () => {
    if (!sketch.drawing) pen = { ...pen, down: false }; // undone or cleared
    if (paper.cursor) show(pen);
  });
}

/** Ctrl+Z or Cmd+Z undoes, Escape clears, except in fields where they mean something else. */
export function followShortcuts(sketch) {
  document.addEventListener("keydown", (event) => {
    if (event.target.matches("select, input:not([type=file])")) return;
    if (event.key === "Escape") sketch.clear();
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z") {
      event.preventDefault();
      sketch.undo();
    }
  });
}

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
const within = (value) => Math.min(1, Math.max(0, value));
