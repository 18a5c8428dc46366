// The choice of model and version.

import { describeModel, listModels } from "./api.js";
import { scoreText } from "./numbers.js";

const STABLE = "stable"; // the label of the default version

export class Choice extends EventTarget {
  #models;
  #versions;
  #unavailable;
  #shown = "";
  #described;
  /** Whether models and versions must be loaded from the server again. */
  stale = true;

  /** `models` and `versions` are selects, `unavailable` a details element. */
  constructor({ models, versions, unavailable }) {
    super();
    this.#models = models;
    this.#versions = versions;
    this.#unavailable = unavailable;
    models.addEventListener("change", () => {
      this.stale = true;
      this.#shown = "";
      this.#described = undefined; // it describes another model
      versions.value = "";
      this.dispatchEvent(new Event("change"));
    });
    versions.addEventListener("change", () => this.dispatchEvent(new Event("change")));
  }

  get model() {
    return this.#models.value;
  }

  /** The version, or "" for the server's default. */
  get version() {
    return this.#versions.value;
  }

  /** What the default version predicts, as the server describes it; undefined until it is ready. */
  get task() {
    return this.#described?.task ?? undefined;
  }

  /** From which pictures it predicts; undefined until it is ready. */
  get pictures() {
    return this.#described?.pictures ?? undefined;
  }

  /** The documents that the chosen version has. */
  get documents() {
    return this.#described?.versions[this.version || this.#described.default_version]?.documents ?? [];
  }

  /** Load the server's models and versions, and offer them. */
  async load() {
    const before = this.model;
    const names = await listModels();
    const wanted = names.includes(before) ? before : names[0];
    const described = wanted === undefined ? null : await describeModel(wanted);
    if (this.model !== before) return; // another model was chosen in the meantime
    this.stale = false;
    this.#show(names, described);
  }

  #show(names, described) {
    const shown = JSON.stringify([names, described]);
    if (shown === this.#shown) return; // rebuilding would close an open list
    this.#shown = shown;
    this.#described = described ?? undefined;
    fill(this.#models, names.map((name) => ({ value: name, text: name })), described?.name);
    fill(this.#versions, described ? versionOptions(described) : [], this.version);
    const statuses = described?.model_version_status ?? [];
    explain(this.#unavailable, statuses.filter((status) => !available(status)));
    this.dispatchEvent(new Event("change"));
  }
}

function versionOptions({ default_version: preferred, labels, versions, model_version_status: statuses }) {
  const newestFirst = [...statuses].sort((one, other) => Number(other.version) - Number(one.version));
  const options = newestFirst.map((status) => {
    const { version } = status;
    const named = Object.keys(labels ?? {}).filter((label) => labels[label] === version);
    const words = [`version ${version}`, ...named];
    if (version === preferred && !named.includes(STABLE)) words.push("default");
    if (versions[version]) words.push(scoreText(versions[version].score));
    if (!available(status)) words.push(`not available: ${reason(status)}`);
    return {
      value: version === preferred ? "" : version,
      text: words.join(", "),
      disabled: !available(status),
    };
  });
  return options.sort((one, other) => Number(other.value === "") - Number(one.value === ""));
}

const available = ({ state }) => state === "AVAILABLE";

function reason({ state, status }) {
  return status?.error_message || `state ${state.toLowerCase()}`;
}

function fill(select, options, wanted) {
  select.replaceChildren(
    ...options.map(({ value, text, disabled = false }) => {
      const option = new Option(text, value);
      option.disabled = disabled;
      return option;
    }),
  );
  if (options.some(({ value, disabled }) => value === wanted && !disabled)) select.value = wanted;
  select.disabled = options.length === 0;
}

function explain(details, statuses) {
  details.hidden = statuses.length === 0;
  const count = statuses.length;
  details.querySelector("summary").textContent =
    `${count} ${count === 1 ? "version is" : "versions are"} not available`;
  details.querySelector("ul").replaceChildren(
    ...statuses.map((status) => {
      const item = document.createElement("li");
      item.textContent = `Version ${status.version}: ${reason(status)}`;
      return item;
    }),
  );
}
