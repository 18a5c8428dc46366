// Loads npm packages from the current folder: an import by name would search from this file upwards,
// where they are not installed (pipeline/runtimes/npm.py).
import { createRequire } from "node:module";
import { join } from "node:path";

export const modules = join(process.cwd(), "node_modules");
export const require = createRequire(`${modules}/`);
