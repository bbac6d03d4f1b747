import assert from "node:assert/strict";
import test from "node:test";
import { build, existing } from "../tools/bundle.mjs";

test("static/bundles/ contains what `make bundles` writes from the sources", async () => {
  assert.deepEqual(await existing(), await build());
});
