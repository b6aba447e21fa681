// Rules for the client, the page and the examples; check.sh runs ESLint from the root of the repository.

import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["**/node_modules/**", "**/.venv/**", "**/.cache/**"] },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2022, sourceType: "module", globals: globals["shared-node-browser"] },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      curly: ["error", "multi-line"],
      eqeqeq: "error",
      "max-len": ["error", { code: 120, ignoreUrls: true }],
      "max-lines": ["error", 400],
      "max-lines-per-function": ["error", { max: 60, skipComments: true }],
      "no-console": "error",
      "no-implicit-coercion": "error",
      "no-shadow": "error",
      "no-unused-vars": ["error", { ignoreRestSiblings: true }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-template": "error",
    },
  },
  { files: ["server/streamtags_server/page/**"], languageOptions: { globals: globals.browser } },
  { files: ["examples/premiere-uxp/*.js"], languageOptions: { globals: { ...globals.browser, require: "readonly" } } },
  {
    files: [
      "**/*.mjs",
      "examples/premiere-uxp/{fake,test}/**",
      "clients/javascript/test/**",
      "clients/javascript/*.config.js",
    ],
    languageOptions: { globals: globals.node },
    rules: { "no-console": "off" },
  },
];
