"use strict";
// What `npm test` runs first, before anything is installed: no dependencies, no syntax that an old Node cannot read.
require("./node-version.cjs").requireNode();
require("./run-test.cjs");
