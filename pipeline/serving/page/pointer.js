// Drawing with a mouse, finger or pen.

export function followPointer(canvas, sketch) {
  let drawing = null; // the pointer that draws; a palm or a second finger is ignored

  const at = ({ clientX, clientY }) => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    return { x: (clientX - left) / width, y: (clientY - top) / height };
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (drawing !== null || event.button !== 0) return;
    drawing = event.pointerId;
    canvas.setPointerCapture(drawing);
    sketch.begin(at(event));
  });

  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== drawing) return;
    const between = event.getCoalescedEvents?.() ?? []; // not available without HTTPS
    sketch.extend((between.length ? between : [event]).map(at));
  });

  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    canvas.addEventListener(end, (event) => {
      if (event.pointerId !== drawing) return;
      drawing = null;
      sketch.end();
    });
  }

  canvas.addEventListener("contextmenu", (event) => event.preventDefault()); // a long press opens it
}
