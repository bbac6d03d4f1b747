/* The declaration of the files of a batch. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { declare } from "../../../../static/js/upload/state/manifest.js";

test("files are declared with their folders, so that equal names differ", async () => {
  const declared = [];
  const request = async (_method, _url, { body }) => {
    declared.push(...JSON.parse(body).files);
    return { status: 200, json: { files: [] }, header: () => null };
  };
  const items = [
    { name: "IMG_1.HEIC", path: "DCIM/100APPLE/IMG_1.HEIC", size: 1 },
    { name: "IMG_2.HEIC", path: "IMG_2.HEIC", size: 1 },
    { name: "IMG_3.HEIC", path: "", size: 1 },
  ];

  await declare("/", items, { open: true, transport: { request, connection: { untilOpen: async () => {} } } });

  assert.deepEqual(declared.map(({ name }) => name), ["DCIM/100APPLE/IMG_1.HEIC", "IMG_2.HEIC", "IMG_3.HEIC"]);
});
