#!/usr/bin/env node
"use strict";
// CommonJS, and without newer syntax: an old Node gets as far as the advice, and nothing has used the thread pool yet.
require("../setup/node-version.cjs").requireNode();

// libuv reads it once, at the pool's first use. Its four threads let one slow disk hold up everything else: each
// journal may be in a sync, and reads must not queue behind those.
if (!process.env.UV_THREADPOOL_SIZE) process.env.UV_THREADPOOL_SIZE = "16";

require("./load-cli.js");
