// Tables: sorting by a column, and the boxes that choose the lines in color.

function makeSortable(table) {
  for (const [index, heading] of [...table.tHead.rows[0].cells].entries()) {
    if (heading.classList.contains("needs-script")) continue;
    const button = element("button", { type: "button" });
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sortBy(table, index, heading));
    heading.replaceChildren(button);
  }
}

/** Sort by a column, in the other direction if it is sorted by it; empty cells are always last. */
function sortBy(table, index, heading) {
  const direction = heading.ariaSort === "ascending" ? "descending" : "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", direction);
  const sign = direction === "ascending" ? 1 : -1;
  const rows = [...table.tBodies[0].rows];
  const valueOf = (row) => {
    const { dataset, textContent } = row.cells[index];
    return dataset.number === undefined ? textContent : Number(dataset.number);
  };
  table.tBodies[0].append(...rows.sort((a, b) => compare(valueOf(a), valueOf(b), sign)));
}

/** Compare numbers, then texts, then nothing. */
function compare(a, b, sign) {
  const kind = (value) => (typeof value === "number" ? 0 : value === "" || value === "-" ? 2 : 1);
  if (kind(a) !== kind(b)) return kind(a) - kind(b);
  return sign * (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
}

/** Put a box into each row of the combinations, which are in the order of data.groups. */
function startChoosing(table) {
  [...table.tBodies[0].rows].forEach((row, index) => {
    const group = data.groups[index];
    row.group = group;
    const box = element("input", { type: "checkbox" });
    box.setAttribute("aria-label", `Line of ${group.label}`);
    box.addEventListener("change", () => toggle(group));
    box.addEventListener("focus", () => pointAt(group));
    row.cells[0].append(element("label", {}, box, element("span", { className: "letter" })));
    row.addEventListener("pointerenter", () => pointAt(group));
  });
  table.tBodies[0].addEventListener("pointerleave", stopPointing);
}

function markChosen(table) {
  for (const row of table.tBodies[0].rows) {
    const isColored = state.colored.has(row.group);
    row.cells[0].querySelector("input").checked = isColored;
    const letter = row.cells[0].querySelector(".letter");
    letter.textContent = letterOf(row.group);
    letter.style.color = isColored ? colorOf(row.group) : "";
  }
}

function markPointedRow(table) {
  for (const row of table.tBodies[0].rows) row.classList.toggle("pointed", row.group === state.pointed);
}
