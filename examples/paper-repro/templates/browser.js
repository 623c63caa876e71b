"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const entries = JSON.parse(byId("b-data").textContent);
  const ramp = [[0, 0, 4], [31, 12, 72], [85, 15, 109], [136, 34, 106], [186, 54, 85], [227, 89, 51], [249, 140, 10], [249, 201, 50], [252, 255, 164]];
  const unpacked = new Map();
  const parts = { group: byId("b-group"), slice: byId("b-slice"), network: byId("b-network"), method: byId("b-method"), threshold: byId("b-threshold") };
  let wanted = 0;

  const colour = (value) => {
    const place = Math.min(Math.max(value, 0), 1) * (ramp.length - 1);
    const low = Math.min(Math.floor(place), ramp.length - 2);
    return [0, 1, 2].map((i) => ramp[low][i] + (ramp[low + 1][i] - ramp[low][i]) * (place - low));
  };

  const pixels = (uri) => new Promise((done, failed) => {
    const picture = new Image();
    picture.onload = () => {
      const canvas = document.createElement("canvas");
      canvas.width = picture.naturalWidth;
      canvas.height = picture.naturalHeight;
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(picture, 0, 0);
      const rgba = context.getImageData(0, 0, canvas.width, canvas.height).data;
      const grey = new Uint8Array(canvas.width * canvas.height);
      for (let i = 0; i < grey.length; i += 1) grey[i] = rgba[4 * i];
      done({ grey, width: canvas.width });
    };
    picture.onerror = () => failed(new Error("a picture of the slice browser is damaged"));
    picture.src = uri;
  });

  const tile = (sheet, [height, width], row, column) => {
    const data = new Float32Array(height * width);
    for (let r = 0; r < height; r += 1) {
      for (let c = 0; c < width; c += 1) data[r * width + c] = sheet.grey[(row * height + r) * sheet.width + column * width + c];
    }
    return { data, height, width };
  };

  const unpack = async (index) => {
    if (!unpacked.has(index)) {
      const entry = entries[index];
      const base = await pixels(entry.base);
      const maps = entry.maps ? await pixels(entry.maps) : null;
      const planes = {};
      entry.planes.forEach((name, i) => { planes[name] = tile(base, entry.base_size, 0, 2 + i); });
      unpacked.set(index, { image: tile(base, entry.base_size, 0, 0), tissue: tile(base, entry.base_size, 0, 1), planes, maps });
    }
    return unpacked.get(index);
  };

  // value of a tile at a point given as a share of its height and width
  const at = (t, y, x) => {
    const fy = Math.min(Math.max(y * t.height - 0.5, 0), t.height - 1);
    const fx = Math.min(Math.max(x * t.width - 0.5, 0), t.width - 1);
    const r = Math.min(Math.floor(fy), Math.max(t.height - 2, 0));
    const c = Math.min(Math.floor(fx), Math.max(t.width - 2, 0));
    const [py, px] = [fy - r, fx - c];
    const r2 = Math.min(r + 1, t.height - 1);
    const c2 = Math.min(c + 1, t.width - 1);
    const top = t.data[r * t.width + c] * (1 - px) + t.data[r * t.width + c2] * px;
    const low = t.data[r2 * t.width + c] * (1 - px) + t.data[r2 * t.width + c2] * px;
    return top * (1 - py) + low * py;
  };

  const edge = (mask, w, h, i) => {
    if (!mask[i]) return false;
    const x = i % w;
    const y = (i - x) / w;
    for (const [dx, dy] of [[-1, 0], [1, 0], [0, -1], [0, 1], [-2, 0], [2, 0], [0, -2], [0, 2]]) {
      const [nx, ny] = [x + dx, y + dy];
      if (nx < 0 || ny < 0 || nx >= w || ny >= h || !mask[ny * w + nx]) return true;
    }
    return false;
  };

  const paint = (canvas, slice, plane, outlines) => {
    canvas.height = Math.round(canvas.width * slice.image.height / slice.image.width);
    const [w, h] = [canvas.width, canvas.height];
    const context = canvas.getContext("2d");
    const picture = context.createImageData(w, h);
    const masks = outlines.map(() => new Uint8Array(w * h));
    for (let y = 0; y < h; y += 1) {
      for (let x = 0; x < w; x += 1) {
        const [v, u] = [(y + 0.5) / h, (x + 0.5) / w];
        const i = y * w + x;
        const grey = at(slice.image, v, u);
        const inside = at(slice.tissue, v, u) >= 127.5;
        let rgb = [grey, grey, grey];
        if (inside && plane) {
          const value = at(plane, v, u) / 100;
          const alpha = 0.25 + 0.5 * value;
          rgb = colour(value).map((c) => grey + (c - grey) * alpha);
        }
        if (inside) outlines.forEach((o, k) => { masks[k][i] = at(o.plane, v, u) / 100 >= o.level - 1e-6 ? 1 : 0; });
        picture.data.set([rgb[0], rgb[1], rgb[2], 255], 4 * i);
      }
    }
    masks.forEach((mask, k) => {
      for (let i = 0; i < mask.length; i += 1) {
        if (edge(mask, w, h, i) && (!outlines[k].dotted || (i % w + Math.floor(i / w)) % 8 < 4)) picture.data.set(outlines[k].ink, 4 * i);
      }
    });
    context.putImageData(picture, 0, 0);
  };

  // share marked and overlap, on the grid of the map
  const measure = (slice, map, t, plane, level) => {
    let tissue = 0;
    let marked = 0;
    let both = 0;
    let either = 0;
    for (let r = 0; r < map.height; r += 1) {
      for (let c = 0; c < map.width; c += 1) {
        const [v, u] = [(r + 0.5) / map.height, (c + 0.5) / map.width];
        if (at(slice.tissue, v, u) < 127.5) continue;
        const a = map.data[r * map.width + c] / 100 >= t - 1e-6;
        const b = plane ? at(plane, v, u) / 100 >= level - 1e-6 : false;
        tissue += 1;
        marked += a ? 1 : 0;
        both += a && b ? 1 : 0;
        either += a || b ? 1 : 0;
      }
    }
    return { share: tissue ? marked / tissue : NaN, iou: either ? both / either : NaN };
  };

  const fill = (select, names, keep) => {
    select.replaceChildren(...names.map(([value, text]) => {
      const option = document.createElement("option");
      option.value = value;
      option.textContent = text;
      return option;
    }));
    if (names.some(([value]) => String(value) === keep)) select.value = keep;
  };

  const show = async () => {
    const index = Number(parts.slice.value);
    wanted = index;
    const entry = entries[index];
    const slice = await unpack(index);
    if (wanted !== index) return;
    const t = Number(parts.threshold.value);
    byId("b-t").textContent = t.toFixed(2);
    const number = Number(parts.network.value) * entry.methods.length + Number(parts.method.value);
    const map = slice.maps && entry.present[number] ? tile(slice.maps, entry.map_size, Number(parts.network.value), Number(parts.method.value)) : null;
    const outlines = [];
    if (slice.planes.truth) outlines.push({ plane: slice.planes.truth, level: 0.5, ink: [255, 255, 255, 255] });
    if (slice.planes.supervised) outlines.push({ plane: slice.planes.supervised, level: 0.5, ink: [255, 210, 63, 255], dotted: true });
    if (map) outlines.push({ plane: map, level: t, ink: [77, 227, 255, 255] });
    paint(byId("b-map"), slice, map, outlines);
    paint(byId("b-image"), slice, null, []);
    for (const name of ["truth", "supervised"]) {
      byId(`b-${name}-box`).hidden = !slice.planes[name];
      if (slice.planes[name]) paint(byId(`b-${name}`), slice, slice.planes[name], []);
    }
    let text = `${entry.name}. `;
    if (map) {
      const said = [`${Math.round(100 * measure(slice, map, t, null, 0.5).share)} % of the tissue marked at ${t.toFixed(2)}`];
      for (const [name, words] of [["truth", "the known damage"], ["supervised", "the supervised map"]]) {
        if (slice.planes[name]) {
          const { iou } = measure(slice, map, t, slice.planes[name], 0.5);
          said.push(Number.isNaN(iou) ? `nothing to compare with ${words} (both empty)` : `IoU ${iou.toFixed(2)} with ${words}`);
        }
      }
      text += `${entry.methods[Number(parts.method.value)]} on ${entry.networks[Number(parts.network.value)]}: ${said.join(", ")}.`;
    } else {
      text += "No map of this network and method for this slice.";
    }
    byId("b-said").textContent = text;
    byId("b-map").setAttribute("aria-label", text);
  };

  const chooseSlice = () => {
    const entry = entries[Number(parts.slice.value)];
    fill(parts.network, entry.networks.map((n, i) => [i, n]), parts.network.value);
    fill(parts.method, entry.methods.map((n, i) => [i, n]), parts.method.value);
    show();
  };
  const chooseGroup = () => {
    fill(parts.slice, entries.map((e, i) => [i, e]).filter(([, e]) => e.group === parts.group.value).map(([i, e]) => [i, e.name]), null);
    chooseSlice();
  };
  const step = (by) => {
    const options = parts.slice.options;
    parts.slice.selectedIndex = (parts.slice.selectedIndex + by + options.length) % options.length;
    chooseSlice();
  };

  const bar = byId("b-bar").getContext("2d");
  for (let x = 0; x < 160; x += 1) {
    const value = (x + 0.5) / 160;
    const alpha = 0.25 + 0.5 * value;
    bar.fillStyle = `rgb(${colour(value).map((c) => Math.round(120 + (c - 120) * alpha)).join(",")})`;
    bar.fillRect(x, 0, 1, 10);
  }
  fill(parts.group, [...new Set(entries.map((e) => e.group))].map((g) => [g, g]), null);
  parts.group.addEventListener("change", chooseGroup);
  parts.slice.addEventListener("change", chooseSlice);
  parts.network.addEventListener("change", show);
  parts.method.addEventListener("change", show);
  parts.threshold.addEventListener("input", show);
  byId("b-back").addEventListener("click", () => step(-1));
  byId("b-next").addEventListener("click", () => step(1));
  byId("b-form").addEventListener("submit", (event) => event.preventDefault());
  const hasPlane = (name) => entries.some((e) => e.planes.includes(name));
  document.querySelector("#b-keys .k-truth").hidden = !hasPlane("truth");
  document.querySelector("#b-keys .k-sup").hidden = !hasPlane("supervised");
  for (const id of ["b-form", "b-stage", "b-keys"]) byId(id).hidden = false;
  chooseGroup();
})();
