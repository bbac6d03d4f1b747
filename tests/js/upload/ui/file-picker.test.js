import assert from "node:assert/strict";
import test from "node:test";
import { sortChosenFiles } from "../../../../static/js/upload/ui/file-picker.js";
import { byFolder, folderOf, rootOf, titleOf } from "../../../../static/js/upload/ui/folders.js";

const entries = (...paths) => paths.map((path) => ({ path }));
const acceptedOf = (...paths) => sortChosenFiles(entries(...paths)).accepted.map(({ path }) => path);

test("all supported kinds of files in a folder are accepted", () => {
  const paths = ["a/1.JPG", "a/2.CR3", "a/3.NEF", "a/4.dng", "a/5.RAF", "a/6.jxl", "a/7.HIF", "a/8.ORI", "a/9.insp", "a/1.xmp", "a/2.CR3.xmp"];
  const { accepted, unsupported, companions } = sortChosenFiles(entries(...paths));
  assert.deepEqual(accepted.map(({ path }) => path).sort(), paths.sort());
  assert.deepEqual([unsupported, companions], [[], []]);
});

test("unsupported files in a folder are left out and sorted by name", () => {
  const { accepted, unsupported } = sortChosenFiles(entries("a/IMG.JPG", "a/notes.txt", "a/clip.avi", ".hidden/IMG.JPG", "a/.trashed-17-IMG.jpg", "a/FILE0001", "a/config.json"));
  assert.deepEqual(accepted, entries("a/IMG.JPG"));
  assert.deepEqual(unsupported, entries(".hidden/IMG.JPG", "a/.trashed-17-IMG.jpg", "a/clip.avi", "a/config.json", "a/FILE0001", "a/notes.txt"));
});

test("system files and previews are detected as companions, also outside folders", () => {
  const junk = ["a/._IMG.JPG", "a/.DS_Store", "a/Thumbs.db", "__MACOSX/a/IMG.JPG", "a/IMG.AAE", "a/GX01.THM", "a/GX01.lrv", "desktop.ini", "IMG.aae",
    "a/@eaDir/IMG.JPG/SYNOPHOTO_THUMB_XL.jpg", "a/.Trash-1000/files/IMG.JPG", "a/metadata.json", "a/IMG.JPG:Zone.Identifier", "a/Icon\r",
    "a/.AppleDouble/IMG.JPG", "a/#recycle/IMG.JPG", "a/NC_FLLST.DAT"];
  const { accepted, unsupported, companions } = sortChosenFiles(entries("a/IMG.JPG", ...junk));
  assert.deepEqual([accepted, unsupported], [entries("a/IMG.JPG"), []]);
  assert.deepEqual(companions, entries(...junk));
});

test("a video is accepted only with the still picture that it belongs to", () => {
  assert.deepEqual(acceptedOf("a/IMG_1.HEIC", "a/IMG_1.MOV", "a/IMG_2.MOV", "b/IMG_1.MP4"), ["a/IMG_1.HEIC", "a/IMG_1.MOV"]);
  assert.deepEqual(acceptedOf("a/IMG_1.HEIC", "a/IMG_1_HEVC.MOV", "a/IMG_2_HEVC.MOV"), ["a/IMG_1_HEVC.MOV", "a/IMG_1.HEIC"]);
  assert.deepEqual(acceptedOf("a/PXL_1.MP", "a/PXL_1.MP.jpg", "a/PXL_2.MP"), ["a/PXL_1.MP", "a/PXL_1.MP.jpg"]);
});

test("Takeout's JSON file of a photo is accepted, also with a truncated name", () => {
  const truncated = `${"x".repeat(46)}.json`;
  for (const name of ["IMG_1.jpg.json", "IMG_1.HEIC.supplemental-metadata.json", "IMG_1.jpg.supplemental-metadata(2).json", "IMG_1.jpg(1).json",
    "IMG_1.jpg.suppl.json", "IMG_1.jpg..json", "IMG_1.MP4.json", "IMG_1.supplemental-metadata.json", `${"x".repeat(43)}.jp.json`, truncated]) {
    assert.deepEqual(acceptedOf(`a/${name}`), [`a/${name}`], name);
  }
});

test("files selected one by one are accepted regardless of their type", () => {
  assert.deepEqual(acceptedOf("notes.txt", "photo", "IMG.HEIC"), ["notes.txt", "photo", "IMG.HEIC"]);
});

test("the files of folders are sorted by name, single files keep their order", () => {
  assert.deepEqual(acceptedOf("z.jpg", "b/10.jpg", "b/9.jpg", "a/2.jpg", "a.jpg"), ["z.jpg", "a.jpg", "a/2.jpg", "b/9.jpg", "b/10.jpg"]);
});

test("files are grouped by their folder", () => {
  const items = entries("x.jpg", "card/mon/1.jpg", "card/tue/1.jpg", "card/mon/2.jpg");
  assert.deepEqual([...byFolder(items)], [
    ["", [items[0]]],
    ["card/mon", [items[1], items[3]]],
    ["card/tue", [items[2]]],
  ]);
  assert.equal(folderOf(items[1]), "card/mon");
});

test("an album has the name of the folder, truncated to the maximum length of a title", () => {
  assert.equal(titleOf("DCIM/Summer in the Alps"), "Summer in the Alps");
  assert.equal(titleOf("x".repeat(300)).length, 200);
  assert.equal(titleOf(" "), "Untitled");
  assert.equal(titleOf("Cafe\u0301"), "Caf\u00e9");
  assert.equal(titleOf("x".repeat(198) + "👨‍👩‍👧"), "x".repeat(198));
  assert.equal(titleOf("🏴󠁧󠁢󠁥󠁮󠁧󠁿 می‌خواهم \u{1fae9}"), "🏴󠁧󠁢󠁥󠁮󠁧󠁿 می‌خواهم \u{1fae9}");
});

test("the only top folder stands for the album that was made for it", () => {
  const items = [{ path: "Trip/a.jpg" }, { path: "Trip/Day 1/b.jpg" }];
  assert.equal(rootOf(items, "Trip"), "Trip");
  assert.equal(rootOf(items, "Rome"), "");
  assert.equal(rootOf([...items, { path: "Other/c.jpg" }], "Trip"), "");
  assert.equal(rootOf([{ path: "a.jpg" }], "Untitled"), "");
});
