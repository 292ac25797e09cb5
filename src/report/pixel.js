// ---------- which frames made a pixel ----------
const shareCodes = Uint8Array.from(atob(data.shareCodes || ''), c => c.charCodeAt(0)), tileList = (data.grid || {}).tiles || [];
const frameCount = tileList.length ? shareCodes.length / tileList.length : 0;
const command = (x, y) => {
  const folder = ((run.configuration || {}).output || {}).dir;
  return `tilecompile explain ${run.run_id} ${x} ${y}` + (folder && folder !== 'out' ? ` --output '${folder}'` : '');
};
// How much of a pixel each of its tiles is: the windows of the overlap-add (coadd/overlap_add.cpp).
const tilesAt = (x, y) => {
  const axis = (at, start, length, end) => {
    const i = at - start, first = 2 * i + 1 <= length;
    return (first && start === 0) || (!first && start + length === end) ? 1 : .5 - .5 * Math.cos(2 * Math.PI * (i + .5) / length);
  };
  const here = tileList.map((t, i) => ({t, i})).filter(({t}) => x >= t.x0 && y >= t.y0 && x < t.x0 + t.w && y < t.y0 + t.h)
    .map(({t, i}) => ({t, i, part: axis(x, t.x0, t.w, image.width) * axis(y, t.y0, t.h, image.height)}));
  const sum = here.reduce((s, h) => s + h.part, 0) || 1;
  return here.map(h => ({...h, part: h.part / sum})).sort((a, b) => b.part - a.part);
};
const partWords = tiles => tiles.filter(h => h.part >= .005).map(h => `${show(100 * h.part, 3)} % tile ${h.t.tile_id}, judged by its ${h.t.kind === 'STAR' ? 'stars' : 'structure'}`).join('; ');
const isQuiet = ((run.configuration || {}).reconstruction || {}).noise_guard === 'significance';
const valueAt = (name, x, y) => {
  const m = data.maps.find(one => one.name === name);
  if (!m) return NaN;
  const code = atob(m.codes).charCodeAt(Math.floor((image.height - 1 - y) / image.height * m.h) * m.w + Math.floor(x / image.width * m.w));
  return code < 255 ? m.low + (m.high - m.low) * code / 254 : NaN;
};
// What the file itself knows: weights of tiles, maps.
const storyOfTiles = (where, x, y) => {
  const tiles = tilesAt(x, y), words = put(where, 'p', {}, `Pixel ${x}, ${y}: ${partWords(tiles)}. `);
  const around = [['covers', 'coverage', ' frames see it'], ['neff', 'neff', ' of equal weight would be as quiet'], ['rejected', 'rejected', ' is the light that rejection took away, summed over frames']]
    .map(([, name, text]) => [valueAt(name, x, y), text]).filter(([v]) => known(v)).map(([v, text]) => show(v, 3) + text);
  if (around.length) words.append(`Around it ${around.join(', ')}. `);
  if (frameCount >= 1 && tiles.length) {
    const share = (tile, r) => { const code = shareCodes[tile * frameCount + r.index]; return code === undefined || code === 255 ? 0 : 2 ** (code / 25.4 - 6); };
    const made = rows.filter(r => r.channel === data.channel).map(r => ({r, share: tiles.reduce((s, h) => s + h.part * share(h.i, r), 0)})).sort((a, b) => b.share - a.share);
    const sum = made.reduce((s, m) => s + m.share, 0) || 1, figure = (name, m) => (frames[name] || [])[m.r.i] ?? null;
    const list = table(where, [{name: 'Frame', text: true}, {name: isQuiet ? 'Part of a star, %' : 'Part, %'}, {name: 'Weight'}, {name: 'FWHM, px'}, {name: 'Noise'}, {name: 'Transparency'}], [], 'tall');
    const fill = count => {
      list.body.replaceChildren();
      for (const m of made.slice(0, count)) {
        const line = put(list.body, 'tr');
        for (const [v, cls] of [[fileName(m.r.index), 'text'], [m.share > 0 ? +(100 * m.share / sum).toFixed(2) : 'not here', ''], ...['weight', 'fwhm_px', 'noise', 'flux_scale'].map(c => [figure(c, m), ''])]) put(line, 'td', {class: cls}, show(v));
      }
    };
    fill(12);
    if (made.length > 12) put(where, 'button', {type: 'button'}, `Show all ${made.length} frames`).addEventListener('click', e => { fill(made.length); e.target.remove(); });
    note(where, (isQuiet ? 'So they weigh where a star shines. On bare sky the noise guard takes them by their noise alone, all much alike. ' : '') + 'Before rejection' + ofChannel + '.');
  }
  if (data.answers) return;
  const more = note(where, 'Every sample, what was rejected at this very pixel and why: ');
  put(more, 'code', {}, command(x, y));
  more.append(', or the report by tilecompile report --page, at a click.');
};
// What the server computes from the frames themselves, as `tilecompile explain` does.
const storyOfFrames = (where, pixel) => {
  const told = pixel.channels[0], main = told.tiles.reduce((best, t, i) => t.window_share > told.tiles[best].window_share ? i : best, 0);
  const percent3 = v => show(100 * v, 3) + ' %';
  put(where, 'p', {}, `Pixel ${pixel.x}, ${pixel.y}${channelName(told.channel) ? ', channel ' + channelName(told.channel) : ''}: ${show(told.picture, 6)} in reconstruction.fits. ` + told.tiles.filter(t => t.window_share >= .0005).map(t =>
    `Tile ${t.tile_id}, judged by its ${t.kind === 'STAR' ? 'stars' : 'structure'}, is ${percent3(t.window_share)} of it: ${show(t.value, 6)}` + (t.sharp_share < 1 ? `, ${percent3(t.sharp_share)} by sharpness, the rest by noise alone` : '')).join('. ') + '.');
  const part = f => f.in_tiles[main], rank = f => !part(f).covered ? 2 : part(f).rejected ? 1 : 0, count = k => told.frames.filter(f => rank(f) === k).length;
  const all = [...told.frames].sort((a, b) => rank(a) - rank(b) || b.share - a.share);
  put(where, 'p', {class: 'counts'}, `${all.length} frames, ${count(1)} rejected here, ${count(2)} see nothing here.`);
  const groups = all.some(f => known(f.cluster));
  const list = table(where, [{name: 'Frame', text: true}, {name: 'Share, %'}, {name: 'Value'}, {name: 'Own sky'}, {name: 'Weight'}, {name: 'by sharpness'}, {name: 'Border'}, {name: 'FWHM, px'}, {name: 'Noise'}, {name: 'Transparency'}, ...(groups ? [{name: 'Group'}] : []), {name: 'Why', long: true}], [], 'tall');
  const fill = some => {
    list.body.replaceChildren();
    for (const f of some) {
      const p = part(f), line = put(list.body, 'tr');
      for (const [v, cls] of [[f.path, 'text'], [+(100 * f.share).toFixed(3), ''], [p.value, ''], [p.sky_taken_away, ''], [p.frame_weight, ''], [Math.exp(p.quality), ''], [p.border_ramp, ''], [f.fwhm_px, ''], [f.noise, ''], [f.flux_scale, ''], ...(groups ? [[f.cluster, '']] : []), [p.reason, 'text long' + (p.rejected ? ' bad' : '')]]) put(line, 'td', {class: cls}, show(v));
    }
  };
  const kept = all.filter(f => rank(f) === 0), short = [...kept.slice(0, 30), ...all.filter(f => rank(f) === 1)];
  fill(short);
  if (short.length < all.length) put(where, 'button', {type: 'button'}, `Show all ${all.length} frames`).addEventListener('click', e => { fill(all); e.target.remove(); });
  note(where, 'Computed from the frames by the code that made the picture. Share: weight x sharpness x border over the sum of all; where the noise guard holds ("by noise alone") sharpness does not count. Own sky: what was taken from the frame first.');
};
let asked = 0;
const biography = (where, x, y) => {
  const mine = ++asked;
  where.replaceChildren();
  if (!data.answers) return storyOfTiles(where, x, y);
  put(where, 'p', {}, `Pixel ${x}, ${y}: the frames are read once more ...`);
  const sorry = why => { where.replaceChildren(); put(where, 'p', {class: 'bad'}, why); storyOfTiles(where, x, y); };
  return fetch(`pixel.json?x=${x}&y=${y}&channel=${data.channel}`).then(r => r.json()).then(pixel => {
    if (mine !== asked) return;
    if (pixel.error) return sorry(pixel.error);
    where.replaceChildren();
    storyOfFrames(where, pixel);
  }).catch(() => mine === asked && sorry('The server that read the frames has ended; this is what the page itself knows.'));
};
