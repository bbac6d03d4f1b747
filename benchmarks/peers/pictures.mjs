// sharp, in two ways: `usual` is what its documentation and most answers on the web say; `chain` is the best that it can do at given efforts.
// Arguments: the way, OUT/, photos. Writes OUT/NUMBER/EDGE.webp.
import { mkdirSync } from "node:fs";
import sharp from "sharp";

const RUNGS = [[2560, 82, 2], [1600, 82, 2], [800, 80, 2], [400, 80, 2]];
const [way, out, ...photos] = process.argv.slice(2);
const inside = (edge) => ({ width: edge, height: edge, fit: "inside", withoutEnlargement: true });

const ways = {
  usual: (photo, to) =>
    Promise.all(
      RUNGS.map(([edge, quality]) => sharp(photo).rotate().resize(inside(edge)).webp({ quality }).toFile(`${to}/${edge}.webp`)),
    ),
  chain: async (photo, to) => {
    let image = sharp(photo).rotate();
    const written = [];
    for (const [edge, quality, effort] of RUNGS) {
      const { data, info } = await image.resize(inside(edge)).raw().toBuffer({ resolveWithObject: true });
      const raw = { width: info.width, height: info.height, channels: info.channels };
      written.push(sharp(data, { raw }).webp({ quality, effort }).toFile(`${to}/${edge}.webp`));
      image = sharp(data, { raw });
    }
    await Promise.all(written);
  },
};

if (way === "chain") sharp.concurrency(2);
for (const [number, photo] of photos.entries()) {
  mkdirSync(`${out}/${number}`, { recursive: true });
  await ways[way](photo, `${out}/${number}`);
}
