// Folds the logs in a file of JSON, one array of events each, and prints the states.

import { readFileSync } from "node:fs";

import { emptyState, fold } from "../../clients/javascript/streamtags.js";

const logs = JSON.parse(readFileSync(process.argv[2], "utf8"));
process.stdout.write(JSON.stringify(logs.map((events) => events.reduce(fold, emptyState()))));
