// Removes funding links from the lock, so that it names no hosts.
import { readFileSync, writeFileSync } from "node:fs";

const lock = JSON.parse(readFileSync("package-lock.json"));
for (const item of Object.values(lock.packages)) delete item.funding;
writeFileSync("package-lock.json", `${JSON.stringify(lock, null, 2)}\n`);
