/* The layers of the scripts, as import-linter has them for Python. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import test from "node:test";

const ROOT = new URL("../../static/js/", import.meta.url).pathname;
const LAYERS = ["page", "elements", "selection", "order", "grid", "viewer", "upload/desk", "upload/ui", "upload/state", "upload/transport", "upload/hashing"]; // highest first
const MAX_MODULES = 18;

const modules = readdirSync(ROOT, { recursive: true }).filter((path) => path.endsWith(".js"));

function importsOf(path) {
  const source = readFileSync(join(ROOT, path), "utf8");
  const specifiers = source.matchAll(/^import (?:[^"]* from )?"(\.[^"]+)";$/gm);
  return [...specifiers].map(([, specifier]) => relative(ROOT, join(ROOT, dirname(path), specifier)));
}

test("every import refers to an existing module", () => {
  for (const path of modules) for (const imported of importsOf(path)) assert.ok(modules.includes(imported), `${path} imports ${imported}`);
});

test("a folder imports only from itself and from lower layers", () => {
  const layer = (path) => LAYERS.indexOf(dirname(path));
  for (const path of modules.filter((path) => layer(path) >= 0)) {
    for (const imported of importsOf(path)) {
      const isAllowed = layer(imported) >= layer(path) || dirname(imported) === ".";
      assert.ok(isAllowed, `${path} imports ${imported}`);
    }
  }
});

test("no folder has too many modules", () => {
  for (const folder of new Set(modules.map(dirname))) {
    const count = modules.filter((path) => dirname(path) === folder).length;
    assert.ok(count <= MAX_MODULES, `${folder} has ${count}`);
  }
});

test("every named import is used", () => {
  for (const path of modules) {
    const source = readFileSync(join(ROOT, path), "utf8");
    for (const [, names] of source.matchAll(/^import \{ ([^}]+) \} from/gm)) {
      for (const name of names.split(", ")) assert.ok(source.split(new RegExp(`\\b${name}\\b`)).length > 2, `${path}: ${name}`);
    }
  }
});
