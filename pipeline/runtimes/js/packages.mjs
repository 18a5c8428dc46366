// The npm packages, from the folder that the process was started in: an import of their names would
// search from this file upwards, and they are not there (pipeline/runtimes/npm.py).
import { createRequire } from "node:module";
import { join } from "node:path";

export const modules = join(process.cwd(), "node_modules");
export const require = createRequire(`${modules}/`);
