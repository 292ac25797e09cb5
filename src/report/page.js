// ---------- what the run says ----------
const rows = (frames.frame_index || []).map((index, i) => ({index, i, channel: frames.channel[i]}));
const names = [];
for (const r of rows) names[r.index] = String(frames.path[r.i]);
const fileName = index => names[index] || '';
const byFrame = column => {
  const lines = [];
  for (const r of rows) {
    const line = lines[r.channel] ||= {name: channelName(r.channel) || column, colour: channelColour(r.channel), points: []};
    line.points.push({x: r.index, y: frames[column] ? frames[column][r.i] : null});
  }
  return lines.filter(Boolean);
};
const products = Object.entries(run.products || {});
const final = (run.products || {}).stack || (run.products || {}).reconstruction || {};
const figures = final.quality_common_area || final.quality_covered_area || [];
const average = pick => figures.length ? figures.reduce((sum, q) => sum + pick(q), 0) / figures.length : NaN;
const percent = (v, less, more) => known(v) ? `${Math.abs(v).toFixed(1)} % ${v < 0 ? less : more}` : '';

const statusWords = {done: 'done', failed_validation: 'done, but a check was missed', failed: 'failed', interrupted: 'interrupted', running: 'running'};
const head = () => {
  document.title = `${data.name || (run.run_id || '').slice(0, 8)} - tilecompile report`;
  if (data.name) section('name').textContent = data.name;
  const badge = section('status');
  badge.textContent = statusWords[run.status] || run.status || 'unknown';
  if (!data.underWay) badge.classList.add(run.status === 'done' ? 'good' : 'bad');
  const stars = figures.some(q => q.star_count > 0) ? percent(average(q => q.fwhm_change_percent), 'sharper', 'less sharp') : '';
  const noise = figures.some(q => q.sky_cell_count !== 0) ? percent(average(q => q.background_rms_change_percent), 'quieter', 'noisier') : '';
  const than = [stars, noise].filter(Boolean).join(', ');
  section('lead').textContent = !known(image.count) ? 'The frames are being read.' : `${show(image.count)} frames of ${show(image.width)} x ${show(image.height)} px` +
    (image.channels === 3 ? ' in colour' : '') + (than ? `: ${than} than their plain mean.` : '.') +
    (run.error ? ` The run ended with an error: ${run.error.text}` : '');
  for (const s of document.querySelectorAll('main > section'))
    put(document.querySelector('nav'), 'a', {href: '#' + s.id}, s.querySelector('h2').textContent);
};

// Two pictures of one shape: a slider between them, or one after the other in one place.
const viewer = (where, over, under, words, part) => {
  const controls = put(where, 'div', {class: 'controls'});
  const box = put(where, 'div', {class: 'viewer', tabindex: 0, role: 'region', 'aria-label': words + '; scrolls when zoomed'});
  const fitted = `calc(78vh * ${over.w / over.h})`, stage = put(box, 'div', {class: 'stage', style: 'max-width:' + fitted});
  put(stage, 'img', {src: under.data, width: under.w, height: under.h, draggable: 'false', alt: `Plain mean of the frames (${words})`});
  const top = put(stage, 'img', {class: 'over', src: over.data, width: over.w, height: over.h, draggable: 'false', alt: `Final picture (${words})`});
  const edge = put(stage, 'div', {class: 'edge'});
  const label = put(controls, 'label', {}, 'Plain mean'), range = put(label, 'input', {type: 'range', min: 0, max: 100, value: 50, 'aria-label': `How much of the final picture covers the plain mean (${words})`});
  label.append('Final');
  const story = put(where, 'div', {class: 'small story', role: 'status', 'data-words': `frames of a pixel (${words})`});
  // Pictures are drawn with the last row on top.
  const ask = (fx, fy) => biography(story, part.x0 + Math.min(part.w - 1, Math.floor(fx * part.w)), part.y0 + part.h - 1 - Math.min(part.h - 1, Math.floor(fy * part.h)));
  const buttons = ['Slider', 'Blink', 'Zoom'].map(name => put(controls, 'button', {type: 'button', 'aria-pressed': name === 'Slider'}, name));
  const said = put(controls, 'span', {class: 'small soft', role: 'status'});
  let timer = 0, zoomed = false;
  // The final picture is right of the edge, as the words beside the slider stand.
  const cover = share => { top.style.clipPath = `inset(0 0 0 ${100 - share}%)`; edge.style.left = 100 - share + '%'; edge.hidden = share <= 0 || share >= 100; };
  const mode = name => {
    clearInterval(timer);
    buttons.slice(0, 2).forEach(b => b.setAttribute('aria-pressed', b.textContent === name));
    said.textContent = '';
    if (name === 'Slider') return cover(range.value);
    let on = true;
    const flip = () => { cover(on ? 100 : 0); said.textContent = on ? 'Final picture' : 'Plain mean'; on = !on; };
    flip();
    timer = setInterval(flip, 800);
  };
  const zoom = (x = .5, y = .5) => {
    zoomed = !zoomed;
    box.classList.toggle('zoomed', zoomed);
    stage.style.width = zoomed ? Math.max(over.w * 2, box.clientWidth * 2) + 'px' : '';
    stage.style.maxWidth = zoomed ? 'none' : fitted;
    buttons[2].setAttribute('aria-pressed', zoomed);
    box.scrollTo(x * stage.clientWidth - box.clientWidth / 2, y * stage.clientHeight - box.clientHeight / 2);
  };
  range.addEventListener('input', () => mode('Slider'));
  buttons[0].addEventListener('click', () => mode('Slider'));
  buttons[1].addEventListener('click', () => mode('Blink'));
  buttons[2].addEventListener('click', () => zoom());
  // The same without a pointer.
  const form = put(where, 'form', {class: 'controls'}), number = (name, most) => {
    const l = put(form, 'label', {class: 'short'}, name);
    return put(l, 'input', {type: 'number', min: 0, max: most, value: Math.floor(most / 2), required: ''});
  };
  const column = number('Column', image.width - 1), row = number('Row', image.height - 1);
  put(form, 'button', {type: 'submit'}, 'Explain this pixel');
  form.addEventListener('submit', e => { e.preventDefault(); biography(story, +column.value, +row.value); });
  stage.addEventListener('click', e => {
    const r = stage.getBoundingClientRect();
    const x = (e.clientX - r.left) / r.width, y = (e.clientY - r.top) / r.height;
    ask(x, y);
    zoom(x, y);
  });
  cover(50);
};
const picture = () => {
  const where = section('picture'), p = data.pictures;
  if (!p.final || !p.plain) return note(where, 'The run has no final picture yet.');
  note(where, 'Left of the line: the plain mean of all frames. Right: the final picture. Both are stretched alike, for the eye only; the files are linear. A click zooms to pixels and back, and tells below which frames made the pixel.');
  viewer(where, p.final, p.plain, p.final_crop ? 'whole image, made smaller' : 'whole image', {x0: 0, y0: 0, w: image.width, h: image.height});
  if (!p.final_crop) return;
  put(where, 'h3', {}, `The middle, pixel by pixel (${p.final_crop.w} x ${p.final_crop.h} px)`);
  const middle = {x0: Math.max(0, Math.floor((image.width - p.final_crop.w) / 2)), y0: Math.max(0, Math.floor((image.height - p.final_crop.h) / 2)), w: p.final_crop.w, h: p.final_crop.h};
  viewer(where, p.final_crop, p.plain_crop, 'the middle at full resolution', middle);
};

const checkWords = {fwhm_improvement_percent: 'Stars sharper than in the plain mean, %', background_rms_increase_percent: 'Sky noisier than in the plain mean, %',
  tile_weight_variance: 'Spread of the weights in tiles', tile_pattern: 'Steps on the lines of the tile grid'};
const several = image.channels > 1;
const verdict = () => {
  const where = section('verdict'), list = run.verdict || [];
  if (list.length)
    table(where, [{name: 'Check', text: true}, ...(several ? [{name: 'Channel', text: true}] : []), {name: 'Kept', text: true}, {name: 'In words', long: true}, {name: 'Figure'}, {name: '\u00b1'}, {name: 'Threshold'}],
      list.map(c => [checkWords[c.name] || c.name, ...(several ? [channelName(c.channel)] : []), c.passed ? 'kept' : 'missed', c.text, c.value, c.text.includes('+-') ? c.uncertainty : null, c.threshold]));
  else note(where, 'The run was not judged: it did not come to its last picture.');
  if (products.length) {
    put(where, 'h3', {}, 'Products');
    const line = (name, q, c, file) => [name, ...(several ? [channelName(c)] : []), q.star_count, q.fwhm_px, q.fwhm_change_percent, q.equal_flux_rms ?? q.background_rms, q.background_rms_change_percent, q.flux_scatter_percent, file];
    table(where, [{name: 'Product', text: true}, ...(several ? [{name: 'Channel', text: true}] : []), {name: 'Stars'}, {name: 'FWHM, px'}, {name: 'change, %'}, {name: 'Sky noise'}, {name: 'change, %'}, {name: 'Flux scatter, %'}, {name: 'File', text: true}],
      products.filter(([name, p]) => (p.quality_covered_area || p.quality_common_area) && (name !== 'reconstruction' || p.digest !== final.digest)).flatMap(([name, p]) => (p.quality_common_area || p.quality_covered_area || [{}]).map((q, c) => line(name === 'classical' ? 'plain mean' : name, q, c, p.file))));
  }
  const synthetic = products.filter(([name]) => name.startsWith('syn')).map(([, p]) => p.file);
  if (synthetic.length) note(where, `Synthetic frames, of ${(run.cluster_sizes || []).join(', ')} frames: ${synthetic.join(', ')}`);
  if ((run.warnings || []).length) {
    put(where, 'h3', {}, 'Warnings');
    const ul = put(where, 'ul');
    for (const w of run.warnings) put(ul, 'li', {}, w);
  }
};

// A faint star's light over the noise below it goes as 1 / (noise x FWHM): noise at equal star flux, sky noise alone.
const depth = where => {
  const normalized = ((run.configuration || {}).output || {}).units === 'normalized';
  const of = rows.filter(r => r.channel === data.channel), column = name => of.map(r => (frames[name] || [])[r.i]);
  const unit = normalized ? quantile(sorted(column('background')), .5) : 1;
  const single = of.map(r => ({index: r.index, x: frames.fwhm_px[r.i], snr: 1 / (frames.noise[r.i] * frames.fwhm_px[r.i])})).filter(p => known(p.snr));
  const middle = quantile(sorted(single.map(p => p.snr)), .5);
  if (!known(middle)) return;
  const point = (name, p) => ({...p, y: Math.log2(p.snr / middle), text: `${name}\nFWHM ${show(p.x, 3)} px, SNR ${show(p.snr / middle, 3)} times the median frame's`});
  const product = (name, words, colour) => {
    const q = (((run.products || {})[name] || {}).quality_common_area || ((run.products || {})[name] || {}).quality_covered_area || [])[data.channel];
    const noise = q && (q.equal_flux_rms ?? q.background_rms);
    return {name: words, colour, big: true, points: noise > 0 && q.fwhm_px > 0 ? [point(words, {x: q.fwhm_px, snr: 1 / (noise * unit * q.fwhm_px)})] : []};
  };
  scatter(where, 'SNR against resolution', 'left is sharper; up: SNR of a faint star in powers of two, 0 is the median frame, 1 twice as much' + ofChannel, 'FWHM, px',
    [{name: 'frames', colour: 'var(--soft)', points: single.map(p => point(`${p.index}: ${fileName(p.index)}`, p))},
      product('classical', 'plain mean', 'var(--second)'), ...(run.products || {}).stack ? [product('stack', 'final picture', 'var(--accent)')] : [product('reconstruction', 'final picture', 'var(--accent)')]]);
};

const sharpness = () => {
  const where = section('sharpness'), stars = data.stars;
  if (!stars.length) return note(where, 'No star was measured in both pictures.');
  const before = stars.map(s => s[2]), after = stars.map(s => s[3]), all = sorted([...before, ...after]);
  const low = quantile(all, .005), high = quantile(all, .995) + 1e-6;
  const sets = [{name: 'plain mean', colour: 'var(--second)', values: before}, {name: 'final picture', colour: 'var(--accent)', values: after}];
  const g = gridIn(where, 'wide');
  boxes(g, 'FWHM before and after', `${stars.length} stars${ofChannel}; box: middle half, line: 2 to 98 %`, 'FWHM, px', sets);
  bars(g, 'FWHM of the stars', 'how many stars have which width' + ofChannel, 'FWHM, px', sets.map(s => ({...s, counts: binned(s.values, low, high, 30)})), low, high, 'px');
  const size = Math.max(image.width, image.height) / 90;
  const dots = (title, value, unit) => places(g, title, `each dot is a star${ofChannel}`, unit, stars.map(s => ({x: s[0], y: s[1], value: value(s),
    text: `x ${show(s[0])}, y ${show(s[1])}\nplain mean ${show(s[2], 3)} px, final ${show(s[3], 3)} px`})),
    (svg, s, colour) => put(svg, 'circle', {cx: s.x, cy: image.height - s.y, r: size, fill: colour, style: `stroke:var(--soft);stroke-width:${size / 8}`}));
  dots('FWHM over the image', s => s[3], 'px');
  dots('FWHM, final over plain mean', s => s[3] / s[2], '');
  depth(g);
};

const night = () => {
  const where = section('night');
  if (!rows.length) return note(where, 'The run has no figures of its frames.');
  note(where, 'By frame, in the order of the list. Point at a dot, or use the arrow keys, for its file name.');
  const g = gridIn(where, 'wide');
  series(g, 'FWHM', 'median of the stars of a frame, px', byFrame('fwhm_px'));
  series(g, 'Transparency', 'flux of the stars against the reference frame; 1: the same', byFrame('flux_scale'));
  series(g, 'Background', 'sky level, units of the input', byFrame('background'));
  series(g, 'Noise', 'of a pixel, at equal star flux or equal sky', byFrame('noise'));
  series(g, 'Weight of a frame', 'as its figures over the whole image say', byFrame('weight'));
  if (data.frameShares.length)
    series(g, 'Weight in the tiles', 'mean over tiles, 1: as much as the average frame' + ofChannel,
      [{name: 'weight', colour: 'var(--accent)', points: data.frameShares.map((y, x) => ({x, y}))}]);
  series(g, 'Part of the image that a frame covers', '1: all of it', byFrame('valid_fraction'));
  if ((frames.cluster || []).some(known)) {
    const first = rows.filter(r => r.channel === 0), groups = [];
    for (const r of first) {
      const k = frames.cluster[r.i];
      (groups[k] ||= {name: 'group ' + k, colour: `var(--c${k % 6})`, points: []}).points.push({x: r.index, y: k});
    }
    series(g, 'Clusters', 'which group of like frames (synthetic frame) a frame went to', groups.filter(Boolean));
  } else if (!data.underWay) note(where, 'Clusters: the run made no synthetic frames.');
};

const tiles = () => {
  const where = section('tiles'), list = (data.grid || {}).tiles || [];
  if (list.length) note(where, `${list.length} tiles of ${data.grid.tile_size} px, overlapping by ${data.grid.overlap} px; ${list.filter(t => t.kind === 'STAR').length} of them are judged by their stars, the others by their structure.`);
  else note(where, data.underWay ? 'The grid comes when the frames are analysed.' : 'The run came to no grid of tiles.');
  const g = gridIn(where, 'wide');
  // Tiles overlap; a cell ends in the middle of what two of them share.
  const ranges = (start, length) => [...new Map(list.map(t => [t[start], t[start] + t[length]]))].sort((a, b) => a[0] - b[0]), columns = ranges('x0', 'w'), lines = ranges('y0', 'h');
  const part = (all, start) => {
    const i = all.findIndex(r => r[0] === start), end = all[i][1], gap = .015 * (end - start);
    return [i ? (start + all[i - 1][1]) / 2 + gap : start, i + 1 < all.length ? (all[i + 1][0] + end) / 2 - gap : end];
  };
  const cell = (svg, t, colour) => {
    const [left, right] = part(columns, t.x0), [low, high] = part(lines, t.y0);
    return put(svg, 'rect', {x: left, y: image.height - high, width: right - left, height: high - low, fill: colour});
  };
  const draw = (title, more, unit, value, colour) => places(g, title, more, unit, list.map((t, i) => ({...t, value: value(t, i), colour: colour && colour(t),
    text: `tile ${t.tile_id}: ${t.kind === 'STAR' ? 'stars' : 'structure'}, ${t.n_stars} stars` + (known(data.tileFrames[i]) ? `\nN_eff ${show(data.tileFrames[i])}, sum of weights ${show(data.tileWeights[i])}` : '')})), cell);
  if (list.length) {
    const f = draw('Tile grid', 'star and structure tiles', 'stars', t => t.n_stars, t => t.kind === 'STAR' ? 'var(--accent)' : 'var(--line)');
    key(f, [['star tile', 'var(--accent)'], ['structure tile', 'var(--line)']]);
  }
  const guard = ((run.configuration || {}).reconstruction || {}).noise_guard, guarded = guard && guard !== 'none' ? ' of the weights at stars; sky takes more frames (map of N_eff)' : '';
  if (list.length && data.tileFrames.length === list.length) {
    draw('Effective frames of a tile', 'N_eff = (sum W)\u00b2 / sum W\u00b2' + guarded + ofChannel, 'frames', (t, i) => data.tileFrames[i]);
    draw('Sum of weights of a tile', channelWords, '', (t, i) => data.tileWeights[i]);
  }
  const w = data.histograms.find(h => h.name === 'weights');
  if (w) bars(g, w.title, 'powers of two: 1 is twice the mean, -1 half of it; the ends hold what lies beyond', 'weight over the mean of the tile, powers of two', [{colour: 'var(--accent)', counts: w.counts}], w.low, w.high, w.unit);
};

const maps = () => {
  const where = section('maps'), g = gridIn(where);
  const more = {background: 'median of cells; units of the picture', noise: 'units of the picture', difference: 'red: the final picture is brighter'};
  for (const m of data.maps.filter(m => m.name !== 'rejected')) map(g, m, [more[m.name], channelWords].filter(Boolean).join('; '));
  const d = data.histograms.find(h => h.name === 'difference');
  if (d) bars(gridIn(where, 'wide'), d.title, 'how many cells of the image; the ends hold what lies beyond', 'final picture minus plain mean, units of the picture', [{colour: 'var(--accent)', counts: d.counts}], d.low, d.high, '');
  if (!data.maps.length) note(where, 'The run has no maps.');
};

const rejected = () => {
  const where = section('rejected'), r = data.rejection, light = data.maps.find(m => m.name === 'rejected');
  if (run.rejection) note(where, `${show(run.rejection.percent, 3)} % of all samples were rejected: ${show(run.rejection.low)} too dark, ${show(run.rejection.high)} too bright. Most in ${run.rejection.most_in} (${show(run.rejection.most_percent, 3)} %).`);
  if (!r && !light) return note(where, 'Nothing is known: the run rejected no pixels, or did not write down which.');
  const g = gridIn(where, 'wide');
  if (r) series(g, 'Rejected pixels of a frame', 'percent of its pixels', ['rejected_low', 'rejected_high'].map((column, k) => ({
    name: k ? 'too bright' : 'too dark', colour: k ? 'var(--second)' : 'var(--accent)',
    points: r.frame_index.map((x, i) => ({x, c: r.channel[i], y: 100 * r.share[i] * r[column][i] / (r.rejected_low[i] + r.rejected_high[i] || 1)})).filter(p => p.c === data.channel)})));
  if (light) map(g, light, 'sum over frames' + ofChannel);
};

const frameTable = () => {
  const where = section('frames');
  const columns = [['frame_index', '#'], ['path', 'File', true], ...(several ? [['channel', 'Channel']] : []), ['weight', 'Weight'], ...(data.frameShares.length ? [['share', 'Weight in tiles']] : []),
    ['fwhm_px', 'FWHM, px'], ['flux_scale', 'Transparency'], ['background', 'Background'], ['noise', 'Noise'], ['quality', 'Quality'], ['valid_fraction', 'Covers'], ...((frames.cluster || []).some(known) ? [['cluster', 'Group']] : []), ['why', 'Taken', true]];
  const taken = rows.map(r => ({...Object.fromEntries(columns.map(([c]) => [c, (frames[c] || [])[r.i] ?? null])), share: r.channel === data.channel ? data.frameShares[r.index] ?? null : null, path: fileName(r.index), why: 'yes'}));
  const out = (list, word) => (list || []).map(f => ({path: f.path, why: `${word}: ${f.reason}`}));
  const all = [...taken, ...out(run.quarantined_frames, 'quarantined'), ...out(run.left_out_frames, 'left out')];
  if (!all.length) return note(where, 'The run has no table of frames.');
  note(where, `${taken.length / (image.channels || 1)} frames taken, ${(run.quarantined_frames || []).length} quarantined as bad, ${(run.left_out_frames || []).length} files left out. A click on a heading sorts.`);
  const {head, body} = table(where, columns.map(([, name, text]) => ({name, text})), [], 'tall');
  let limit = 300, by = 'frame_index', up = true;
  const more = put(where, 'button', {type: 'button', hidden: ''}, '');
  const order = (a, b) => {
    const [x, y] = [a[by], b[by]], lost = v => v === null || v === undefined || v === '';
    if (lost(x) || lost(y)) return lost(x) - lost(y);
    return (up ? 1 : -1) * (typeof x === 'string' ? x.localeCompare(y, undefined, {numeric: true}) : x - y);
  };
  const fill = () => {
    body.replaceChildren();
    [...all].sort(order).slice(0, limit).forEach(f => {
      const line = put(body, 'tr');
      for (const [c, , text] of columns) put(line, 'td', {class: c === 'why' && f.why !== 'yes' ? 'text long bad' : text ? 'text' : ''}, c === 'channel' ? channelName(f[c]) : show(f[c]));
    });
    more.hidden = all.length <= limit;
    more.textContent = `Show all ${all.length} rows`;
    [...head.children].forEach((th, i) => th.setAttribute('aria-sort', columns[i][0] !== by ? 'none' : up ? 'ascending' : 'descending'));
  };
  [...head.children].forEach((th, i) => {
    const name = th.textContent;
    th.textContent = '';
    put(th, 'button', {type: 'button'}, name).addEventListener('click', () => {
      up = by === columns[i][0] ? !up : true;
      by = columns[i][0];
      fill();
    });
  });
  more.addEventListener('click', () => { limit = Infinity; fill(); });
  fill();
};

const facts = (where, pairs) => {
  const dl = put(where, 'dl');
  for (const [name, value] of pairs) if (value !== '' && value !== undefined && value !== null) { put(dl, 'dt', {}, name); put(dl, 'dd', {}, String(value)); }
};
const costs = () => {
  const where = section('costs'), phases = run.phases || [], mb = b => known(b) ? (b / 1048576).toFixed(0) + ' MB' : '';
  const sum = pick => phases.reduce((s, p) => s + pick(p), 0);
  facts(where, [['Started', run.started], ['Ended', run.finished], ['Read', mb(run.bytes_read)], ['Peak memory', mb(run.peak_memory_bytes)],
    ['Workers computed', known(run.worker_compute_seconds) ? run.worker_compute_seconds.toFixed(1) + ' s' : '']]);
  const g = gridIn(where, 'wide'), workers = [...data.workers].sort((a, b) => b.seconds - a.seconds).slice(0, 30);
  if (phases.length) lying(g, 'Time and CPU by phase', 'of the master; CPU above time: several threads', 's', phases.map(p => ({name: p.name, values: [p.seconds, p.cpu_seconds]})),
    [{name: 'time', colour: 'var(--accent)'}, {name: 'CPU', colour: 'var(--second)'}]);
  if (workers.length) lying(g, 'Compute time by worker', 'of the tiles that were accepted' + (data.workers.length > 30 ? '; the 30 with most' : ''), 's', workers.map(w => ({name: `${w.id}: ${w.tiles} tiles`, values: [w.seconds]})),
    [{name: 'computing', colour: 'var(--accent)'}]);
  if (phases.length) table(where, [{name: 'Phase', text: true}, {name: 'Seconds'}, {name: 'CPU seconds'}, {name: 'Share of the time, %'}],
    [...phases.map(p => [p.name, +p.seconds.toFixed(2), +p.cpu_seconds.toFixed(2), +(100 * p.seconds / (sum(q => q.seconds) || 1)).toFixed(1)]),
      ['together', +sum(p => p.seconds).toFixed(2), +sum(p => p.cpu_seconds).toFixed(2), 100]]);
  if (data.workers.length) {
    put(where, 'h3', {}, 'Workers');
    table(where, [{name: 'Worker', text: true}, {name: 'Tiles'}, {name: 'Compute seconds'}, {name: 'Seconds a tile'}], data.workers.map(w => [w.id, w.tiles, +w.seconds.toFixed(2), w.seconds / w.tiles]));
  }
};
const origin = () => {
  const where = section('origin'), profile = run.profile || {}, configuration = JSON.stringify(run.configuration || {}, null, 2);
  facts(where, [['Run', run.run_id], ['Way', run.mode], ['Program', 'tilecompile ' + (run.program_version || '')], ['Numerics', run.numerics_version], ['Profile', profile.name && `${profile.name}: ${profile.why}`],
    ['config_hash', run.config_hash], ['frames_manifest_id', run.frames_manifest_id], ...products.map(([name, p]) => ['Digest of ' + p.file, p.digest])]);
  note(where, 'The same frames with this configuration and this version of the numerics give the same pixels, on any machine and with any number of workers. Save the text below as run.yaml (JSON is YAML), put the frames where input.dir says, and compare the digests:');
  put(where, 'pre', {tabindex: 0}, 'tilecompile run run.yaml');
  const more = put(where, 'details');
  put(more, 'summary', {}, 'Configuration');
  put(more, 'button', {type: 'button', style: 'margin:8px 0'}, 'Copy').addEventListener('click', e => navigator.clipboard.writeText(configuration).then(() => { e.target.textContent = 'Copied'; }, () => { e.target.textContent = 'Mark the text to copy it'; }));
  put(more, 'pre', {tabindex: 0, id: 'configuration'}, configuration);
  const checks = put(where, 'details');
  put(checks, 'summary', {}, `${(run.checks || []).length} rules that were looked after`);
  table(checks, [{name: 'Rule', text: true}, {name: 'Kept', text: true}, {name: 'Seen', long: true}], (run.checks || []).map(c => [c.name, c.passed ? 'kept' : 'missed', c.text]));
};
const missing = () => {
  const where = section('missing');
  if (!data.missing.length) return note(where, 'All parts of the report are there.');
  const ul = put(where, 'ul');
  for (const text of data.missing) put(ul, 'li', {}, text);
};

if (data.underWay) for (const id of ['verdict', 'sharpness', 'maps', 'rejected', 'costs', 'origin', 'missing']) section(id).remove();
const parts = data.underWay ? [head, live, night, tiles, frameTable] : [head, picture, verdict, sharpness, night, tiles, maps, rejected, frameTable, costs, origin, missing];
if (!data.underWay) section('live').remove();
for (const part of parts) part();
document.documentElement.dataset.ready = 'yes';
