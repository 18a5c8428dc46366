// Takes links to sponsors out of the lock: with them it would name hosts.
import { readFileSync, writeFileSync } from "node:fs";

const lock = JSON.parse(readFileSync("package-lock.json"));
for (const item of Object.values(lock.packages)) delete item.funding;
writeFileSync("package-lock.json", `${JSON.stringify(lock, null, 2)}\n`);
