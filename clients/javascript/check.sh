#!/usr/bin/env bash
# Checks the JavaScript of the project: format, lint and types of the client, the page and the examples, the tests of the
# client, and the AsyncAPI document with AsyncAPI's own parser.
#
#   usage: clients/javascript/check.sh        needs Node >= 20.19 and npm
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
npm ci --no-audit --no-fund --ignore-scripts --silent
bin=$PWD/node_modules/.bin
(
  cd ../..
  "$bin/prettier" --config clients/javascript/.prettierrc.json --log-level warn --check \
    "clients/javascript/*.js" "clients/javascript/*.mjs" "clients/javascript/test" "server/streamtags_server/page" \
    "examples/*.mjs" "examples/premiere-uxp/*.js" "examples/premiere-uxp/fake" "examples/premiere-uxp/test" "tests/client/*.mjs" "tests/page/unit"
  "$bin/eslint" --config clients/javascript/eslint.config.js clients/javascript server/streamtags_server/page examples tests/client tests/page/unit
)
npx tsc
npx tsc --project tsconfig.page.json
node --test --test-reporter=dot test/ ../../tests/page/unit/
(cd ../../examples/premiere-uxp && npm ci --no-audit --no-fund --ignore-scripts --silent && npx tsc && node --test --test-reporter=dot test/)
node check-asyncapi.mjs ../../docs/reference/asyncapi.json
