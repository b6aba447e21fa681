#!/usr/bin/env bash
# Checks the JavaScript client: types, its own and those of the web page that uses it, tests, and the AsyncAPI document with AsyncAPI's own parser.
#
#   usage: clients/javascript/check.sh        needs Node >= 20 and npm
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
npm ci --no-audit --no-fund --ignore-scripts --silent
npx tsc
npx tsc --project tsconfig.page.json
node --test --test-reporter=dot test/
node check-asyncapi.mjs ../../docs/reference/asyncapi.json
