// Measures the camera's reader on frames made here, the same every time: to be executed in a page of the terminal (it needs the
// terminal's own /assets/camera-reader.js). Defines `cameraBench(codes)`; `codes` is `[{ text, rows }]`, rows being the code's
// modules without quiet zone as strings of 0 and 1. Resolves to plain JSON.

{
  const WIDTH = 1280;
  const HEIGHT = 720;
  const QUIET = 4;

  // Deterministic numbers in [0, 1) (mulberry32).
  const chance = (seed) => () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const between = (random, low, high) => low + (high - low) * random();
  const bell = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

  // What every frame has a little of, and what each kind has much of. Lengths in pixels, angles in degrees, light as a factor.
  const KINDS = {
    blur: (random) => ({ blur: between(random, 1, 1.8) }),
    noise: (random) => ({ noise: between(random, 15, 30) }),
    perspective: (random) => ({ tilt: between(random, 20, 40), turn: between(random, -30, 30) }),
    rotation: (random) => ({ angle: between(random, 0, 360) }),
    low_light: (random) => ({ light: between(random, 0.12, 0.3), noise: between(random, 6, 10) }),
  };
  const mild = (random) => ({
    module: between(random, 4, 6),
    blur: between(random, 0.5, 0.9),
    noise: between(random, 3, 8),
    tilt: between(random, -10, 10),
    turn: between(random, -10, 10),
    angle: between(random, -15, 15),
    light: between(random, 0.7, 1),
    x: between(random, 0.4, 0.6) * WIDTH,
    y: between(random, 0.45, 0.55) * HEIGHT,
  });

  // From a place in the frame back to a place on the card (in modules from its middle): turned, tilted, seen from `distance`.
  function camera({ module, tilt, turn, angle, x, y }) {
    const [a, b, c] = [angle, tilt, turn].map((degrees) => (degrees * Math.PI) / 180);
    const distance = 900;
    // The card's two axes in space; the third column is the card's middle, straight ahead.
    const [ca, sa, cb, sb, cc, sc] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b), Math.cos(c), Math.sin(c)];
    const u = [cc * ca + sc * sb * sa, cb * sa, -sc * ca + cc * sb * sa].map((part) => part * module);
    const v = [-cc * sa + sc * sb * ca, cb * ca, sc * sa + cc * sb * ca].map((part) => part * module);
    return (px, py) => {
      const [dx, dy] = [(px - x) / distance, (py - y) / distance];
      // Solves s*u + t*v + (0, 0, distance) ∥ (dx, dy, 1).
      const [p, q, e] = [u[0] - dx * u[2], v[0] - dx * v[2], dx * distance];
      const [r, w, f] = [u[1] - dy * u[2], v[1] - dy * v[2], dy * distance];
      const whole = p * w - q * r;
      return [(e * w - q * f) / whole, (p * f - e * r) / whole];
    };
  }

  // Light of 0 … 255 at each pixel: a card with its code on a table with some clutter.
  function scene(code, look, random) {
    const width = code.rows.length;
    const back = camera(look);
    const clutter = Array.from({ length: 12 }, () => [random() * WIDTH, random() * HEIGHT, between(random, 20, 160), between(random, 8, 60), between(random, 20, 230)]);
    const light = new Float32Array(WIDTH * HEIGHT);
    const around = width / 2 + QUIET;
    for (let y = 0; y < HEIGHT; y += 1) {
      for (let x = 0; x < WIDTH; x += 1) {
        let sum = 0;
        // Four samples a pixel, as a sensor's cell sees an area.
        for (const [ox, oy] of [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]) {
          const [s, t] = back(x + ox, y + oy);
          if (Math.abs(s) < around && Math.abs(t) < around) {
            const dark = code.rows[Math.floor(t + width / 2)]?.[Math.floor(s + width / 2)] === "1";
            sum += dark ? 35 : 225;
          } else if (Math.abs(s) < around + 20 && Math.abs(t) < around + 6) {
            sum += Math.abs(t) > around + 2 || Math.floor(s) % 3 ? 225 : 60; // the card beside the code, with writing
          } else {
            const thing = clutter.find(([cx, cy, w, h]) => Math.abs(x - cx) < w && Math.abs(y - cy) < h);
            sum += thing ? thing[4] : 120;
          }
        }
        light[y * WIDTH + x] = (sum / 4) * (0.8 + 0.4 * (x / WIDTH)); // lit from one side
      }
    }
    return light;
  }

  // A bell-shaped blur, along rows, then columns.
  function blurred(light, sigma) {
    const reach = Math.ceil(sigma * 3);
    const weights = Array.from({ length: 2 * reach + 1 }, (_, at) => Math.exp(-((at - reach) ** 2) / (2 * sigma * sigma)));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const pass = (from, step, length, other, stepOther) => {
      const to = new Float32Array(from.length);
      for (let line = 0; line < other; line += 1) {
        for (let at = 0; at < length; at += 1) {
          let sum = 0;
          for (let k = -reach; k <= reach; k += 1) sum += weights[k + reach] * from[line * stepOther + Math.min(length - 1, Math.max(0, at + k)) * step];
          to[line * stepOther + at * step] = sum / total;
        }
      }
      return to;
    };
    return pass(pass(light, 1, WIDTH, HEIGHT, WIDTH), WIDTH, HEIGHT, WIDTH, 1);
  }

  function frame(code, kind, seed) {
    const random = chance(seed);
    const look = { ...mild(random), ...KINDS[kind](random) };
    const light = blurred(scene(code, look, random), look.blur);
    const image = new ImageData(WIDTH, HEIGHT);
    for (let at = 0; at < light.length; at += 1) {
      const value = light[at] * look.light + bell(random) * look.noise;
      image.data.set([value, value, value, 255], at * 4);
    }
    return image;
  }

  const middle = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
  const short = (value) => Math.round(value * 10) / 10;

  // Reads 40 degraded frames as the camera does (one quick look, and another one at what was not found), and ten without a code.
  window.cameraBench = async (codes) => {
    const { read } = await import("/assets/camera-reader.js");
    const empty = { text: "", rows: [""] };
    const kinds = Object.keys(KINDS);
    const found = Object.fromEntries(kinds.map((kind) => [kind, 0]));
    const [first, again, round, nothing] = [[], [], [], []];
    const [quick, wrong] = [{ found: 0 }, []];
    await read(await createImageBitmap(frame(codes[0], "rotation", 1)), "frame"); // loads the reader
    for (let at = 0; at < 40; at += 1) {
      const kind = kinds[at % kinds.length];
      const code = codes[at % codes.length];
      const image = frame(code, kind, 1000 + at);
      const began = performance.now();
      let answer = await read(await createImageBitmap(image), "frame");
      round.push(performance.now() - began);
      first.push(answer.took);
      quick.found += answer.codes.some(({ text }) => text === code.text) ? 1 : 0;
      if (answer.codes.length === 0) {
        answer = await read(await createImageBitmap(image), "frame_again");
        again.push(answer.took);
      }
      if (answer.codes.some(({ text }) => text === code.text)) found[kind] += 1;
      wrong.push(...answer.codes.filter(({ text }) => text !== code.text).map(({ text }) => text));
      if (at % 4) continue;
      const without = await read(await createImageBitmap(frame(empty, kind, 5000 + at)), "frame");
      nothing.push(without.took);
      wrong.push(...without.codes.map(({ text }) => text));
    }
    const all = Object.values(found).reduce((sum, count) => sum + count, 0);
    return {
      frames: 40, found: all, found_at_first_look: quick.found, found_by_kind: found, wrong,
      p50_ms: short(middle(first)), max_ms: short(Math.max(...first)), p50_round_trip_ms: short(middle(round)),
      p50_second_look_ms: again.length ? short(middle(again)) : null, p50_without_code_ms: short(middle(nothing)),
    };
  };

  // One of the frames as a photo.
  window.cameraBenchPhoto = async (code, kind, seed) => {
    const canvas = new OffscreenCanvas(WIDTH, HEIGHT);
    canvas.getContext("2d").putImageData(frame(code, kind, seed), 0, 0);
    return new File([await canvas.convertToBlob({ type: "image/jpeg", quality: 0.7 })], "photo.jpg", { type: "image/jpeg" });
  };
}
