// How a program asks the same: a command to copy, and links.

import { pathOf, usesToken } from "./api.js";

const TITLES = { "report.html": "Report", "README.md": "Model card" };
const COPIED_MILLISECONDS = 1500;

export class Program {
  #code;
  #links;

  constructor({ code, copy, links }) {
    this.#code = code;
    this.#links = links;
    copy.addEventListener("click", () => this.#copy(copy));
  }

  /** Show the command for a version, which may be "", and links to the `documents` it has. */
  show(model, version, documents) {
    const base = new URL(pathOf(model, version), location.href).href;
    const token = usesToken() ? ' -H "Authorization: Bearer $TOKEN"' : "";
    this.#code.textContent = `curl${token} --data-binary @picture.png ${base}:classify-image`;
    // Links cannot send the token.
    const found = usesToken() ? [] : documents.map((name) => link(TITLES[name], `${base}/${name}`));
    if (!usesToken()) found.push(link("API (OpenAPI)", new URL("openapi.json", location.href).href));
    this.#links.replaceChildren(...found.flatMap((each) => [each, " "]));
  }

  async #copy(button) {
    try {
      await navigator.clipboard.writeText(this.#code.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(this.#code); // without HTTPS, pages have no clipboard
      button.textContent = "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), COPIED_MILLISECONDS);
  }
}

function link(text, address) {
  const anchor = document.createElement("a");
  anchor.textContent = text;
  anchor.href = address;
  anchor.target = "_blank";
  anchor.rel = "noopener";
  return anchor;
}
