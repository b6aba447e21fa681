// Reads an AsyncAPI document with AsyncAPI's own parser; status 1 where it finds an error in it.

import { readFileSync } from "node:fs";

import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
const errors = diagnostics.filter(({ severity }) => severity === 0);
for (const { code, path, message } of errors) console.error(`${path.join(".")}: ${message} (${code})`);
if (!document || errors.length > 0) process.exit(1);
console.log(`${process.argv[2]}: ${document.allMessages().length} messages, AsyncAPI ${document.version()}`);
