/* Writes static/bundles/: each entry point with everything that it imports, so that a page loads two files instead of eighty.
   `node tests/tools/bundle.mjs`, or `make bundles`, which installs esbuild first. */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import esbuild from "../clients/node_modules/esbuild/lib/main.js";

const STATIC = fileURLToPath(new URL("../../static", import.meta.url));
const BUNDLES = join(STATIC, "bundles");
const ENTRY_POINTS = ["js/main.js", "js/elements/limits-meter.js", "js/upload/hashing/hash-worker.js", "css/darkroom.css"];

/** Returns the content of every bundle by its file name. */
export async function build() {
  const { outputFiles } = await esbuild.build({
    entryPoints: ENTRY_POINTS.map((path) => join(STATIC, path)),
    outdir: BUNDLES,
    entryNames: "[name]",
    bundle: true,
    minify: true,
    format: "esm",
    target: ["chrome111", "firefox115", "safari16.4"],
    legalComments: "none",
    logLevel: "error",
    write: false,
  });
  return new Map(outputFiles.map((file) => [basename(file.path), file.text]));
}

/** Returns the content of every file in static/bundles/ by its name. */
export async function existing() {
  const names = await readdir(BUNDLES);
  return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(BUNDLES, name), "utf8")])));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await rm(BUNDLES, { recursive: true, force: true });
  await mkdir(BUNDLES);
  for (const [name, content] of await build()) await writeFile(join(BUNDLES, name), content);
}
