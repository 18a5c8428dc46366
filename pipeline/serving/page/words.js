// Sentences about the chosen model, and the drawing or picture that it takes.

const element = (id) => document.getElementById(id);

/** Let the page speak of a task and of its pictures, as the server describes them. */
export function adaptTexts(task, pictures) {
  element("purpose").textContent = purpose(task, pictures);
  element("explanation").textContent = explanation(pictures);
  [element("invited").textContent, element("otherwise").textContent] = invitation(pictures);
  document.querySelector("#invitation path").setAttribute("d", outline(pictures));
  document.body.classList.toggle("pictures", !pictures.drawn);
  element("paper").hidden = !pictures.drawn;
}

/** Return what the network does, for a task and its pictures as the server describes them. */
function purpose({ name, class_names: names }, { drawn }) {
  const give = drawn ? `Draw a ${drawn}` : "Choose a picture";
  if (name === "regression") return `${give}, and a neural network predicts a number.`;
  if (names.length !== 2) return `${give}, and a neural network recognizes it.`;
  return `${give}, and a neural network chooses between ${names[0]} and ${names[1]}.`;
}

/** Return what the empty page says beside the prediction. */
export function nothingSeen({ drawn }) {
  return drawn ? `No ${drawn} seen. The prediction updates as you draw.` : "No picture seen.";
}

/** Return the two lines on the empty pad. */
function invitation({ drawn }) {
  return drawn ? [`Draw a ${drawn}`, "or drop a picture here"] : ["Drop a picture here", "or paste or choose one"];
}

/** Return what becomes of a picture before the network sees it. */
function explanation({ preprocessing, drawn, width, height, channels }) {
  const seen = "The small picture is what the network actually sees: ";
  const size = `${width} × ${height}`;
  if (preprocessing === "mnist-canonical") {
    return `${seen}your digit scaled to 20 × 20 pixels and centered by its mass in ${size}.`;
  }
  if (drawn) return `${seen}your drawing moved and scaled to fill ${size} pixels; pictures are only scaled.`;
  const colors = channels === 1 ? ", in gray" : "";
  if (preprocessing === "exact") return `${seen}${size} pixels${colors}. Pictures must have this size.`;
  return `${seen}your picture scaled to ${size} pixels${colors}.`;
}

const OUTLINES = {
  digit: "M31 35 C32 15 68 14 68 35 C68 51 40 61 31 79 L70 79",
  letter: "M30 79 L50 21 L70 79 M38 59 L62 59",
};

/** Return what is written on the empty pad, as an SVG path. */
const outline = ({ drawn }) => OUTLINES[drawn] ?? OUTLINES.letter;

/** Return how a drawing becomes a picture; the server finds digits wherever they are. */
export const framing = ({ drawn, preprocessing }) => ({ framed: Boolean(drawn) && preprocessing !== "mnist-canonical" });
