// Pictures from a file, by drag and drop, or from the clipboard.

const TYPES = ["image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp", "image/tiff"];
// Larger files are scaled down before the upload, to a side to which the server scales as well.
const MAX_BYTES = 1_000_000;
const SIDE = 1024;

/** Pass each picture that is chosen, dropped or pasted to `sketch`, or a message to `refuse`. */
export function acceptPictures({ inputs, pad, sketch, refuse }) {
  const accept = async (file) => {
    if (!file) return;
    if (!TYPES.includes(file.type)) {
      refuse(`A picture must be PNG, JPEG, WebP, GIF, BMP or TIFF; got ${file.name || "a file"}. Save it as PNG or JPEG.`);
      return;
    }
    const blob = await shrink(file);
    sketch.place({ blob, url: URL.createObjectURL(blob), name: file.name });
  };

  for (const input of inputs) {
    input.addEventListener("change", () => {
      accept(input.files[0]);
      input.value = ""; // so that the same file can be chosen again
    });
  }
  document.addEventListener("paste", (event) => accept(event.clipboardData.files[0]));
  acceptDrops(pad, accept);
}

function acceptDrops(pad, accept) {
  // On the whole page: a picture dropped beside the pad would otherwise replace the page.
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    pad.classList.add("awaiting");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) pad.classList.remove("awaiting");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    pad.classList.remove("awaiting");
    accept(event.dataTransfer.files[0]);
  });
}

async function shrink(file) {
  if (file.size <= MAX_BYTES) return file;
  try {
    const bitmap = await createImageBitmap(file);
    const scale = Math.min(1, SIDE / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(bitmap.width * scale));
    canvas.height = Math.max(1, Math.round(bitmap.height * scale));
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve) => canvas.toBlob(resolve, file.type, 0.9));
  } catch {
    return file; // the server explains the problem
  }
}
