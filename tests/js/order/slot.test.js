import assert from "node:assert/strict";
import test from "node:test";
import { isOwnPlace, slotInPlaceOf, tileForKey } from "../../../static/js/order/slot.js";

/** Three tiles in each row. */
const tiles = [...Array(9).keys()].map((number) => ({
  id: `photo-${number}`,
  getBoundingClientRect: () => ({ top: Math.floor(number / 3) * 100, left: (number % 3) * 100, width: 100 }),
}));

test("arrow keys, Home and End choose the tile whose place is taken", () => {
  const from = (key, number) => tiles.indexOf(tileForKey(key, tiles, tiles[number]));
  assert.deepEqual(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"].map((key) => from(key, 4)), [3, 5, 1, 7, 0, 8]);
});

test("at the edge, and for other keys, nothing is chosen", () => {
  assert.equal(tileForKey("ArrowLeft", tiles, tiles[0]), null);
  assert.equal(tileForKey("ArrowRight", tiles, tiles[8]), null);
  assert.equal(tileForKey("ArrowDown", tiles, tiles[7]), null);
  assert.equal(tileForKey("a", tiles, tiles[4]), null);
});

test("a tile that moves forward comes behind the tile whose place it takes, otherwise before it", () => {
  assert.deepEqual(slotInPlaceOf(tiles, tiles[2], tiles[5]), { tile: tiles[5], isBehind: true });
  assert.deepEqual(slotInPlaceOf(tiles, tiles[5], tiles[2]), { tile: tiles[2], isBehind: false });
  assert.equal(slotInPlaceOf(tiles, tiles[2], tiles[2]), null);
});

test("the slots on both sides of a tile are its own place", () => {
  const isOwn = (number, isBehind) => isOwnPlace(tiles, tiles[4], { tile: tiles[number], isBehind });
  assert.deepEqual([isOwn(3, true), isOwn(4, false), isOwn(4, true), isOwn(5, false)], [true, true, true, true]);
  assert.deepEqual([isOwn(3, false), isOwn(5, true), isOwn(0, false)], [false, false, false]);
});
