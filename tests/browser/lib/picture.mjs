// What a person sees of a part of a page: the pixels of its picture.

/** How many pixels of `locator` are about `colour` (`#rrggbb`), and the middle of them, from its upper left corner. */
export async function seen(page, locator, colour, within = 24) {
  const picture = (await locator.screenshot()).toString("base64");
  return page.evaluate(count, { picture, colour, within });
}

/** Waits until `enough(seen)` holds for that colour. */
export async function until(page, locator, colour, enough, patience = 15_000) {
  let found;
  for (const deadline = Date.now() + patience; Date.now() < deadline; ) {
    found = await seen(page, locator, colour);
    if (enough(found)) return found;
  }
  throw new Error(`${colour} on ${found.all} pixels: ${JSON.stringify(found)}`);
}

async function count({ picture, colour, within }) {
  const image = new Image();
  image.src = `data:image/png;base64,${picture}`;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, image.width, image.height);
  const wanted = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  const found = { pixels: 0, x: 0, y: 0, all: data.length / 4 };
  for (let at = 0; at < data.length; at += 4) {
    if (wanted.some((value, part) => Math.abs(value - data[at + part]) > within)) continue;
    found.pixels++;
    found.x += (at / 4) % image.width;
    found.y += Math.floor(at / 4 / image.width);
  }
  found.x /= found.pixels || 1;
  found.y /= found.pixels || 1;
  return found;
}
