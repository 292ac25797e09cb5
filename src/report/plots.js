const data = JSON.parse(document.getElementById('data').textContent);
const run = data.record || {};
const frames = data.frames || {};
const image = run.frames || {};
const tip = document.getElementById('tip');

// ---------- small things ----------
const put = (parent, tag, attributes = {}, text) => {
  const svg = ['svg', 'path', 'line', 'rect', 'circle', 'text', 'g'].includes(tag);
  const node = svg ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  parent.append(node);
  return node;
};
const known = v => typeof v === 'number' && Number.isFinite(v);
const show = (v, digits = 4) => {
  if (!known(v)) return v === null || v === undefined ? '' : String(v);
  const size = Math.abs(v);
  if (size >= 1e6 || (size > 0 && size < 1e-3)) return v.toExponential(2);
  return Number.isInteger(v) ? String(v) : String(Number(v.toPrecision(digits)));
};
const section = name => document.getElementById(name);
const note = (where, text) => put(where, 'p', {class: 'soft small'}, text);
const sorted = list => list.filter(known).sort((a, b) => a - b);
const quantile = (list, q) => list.length ? list[Math.round(q * (list.length - 1))] : NaN;
const channelName = c => image.channels === 3 ? 'RGB'[c] : image.channels > 1 && c !== null ? String(c) : '';
const channelColour = c => image.channels === 3 ? ['var(--red)', 'var(--green)', 'var(--blue)'][c] : 'var(--accent)';
const channelWords = channelName(data.channel) && 'channel ' + channelName(data.channel);
const ofChannel = channelWords && '; ' + channelWords;
const showTip = (text, x, y) => {
  tip.textContent = text;
  tip.hidden = false;
  tip.style.left = Math.max(4, Math.min(x + 14, innerWidth - tip.offsetWidth - 6)) + 'px';
  tip.style.top = (y + 18 + tip.offsetHeight > innerHeight ? y - tip.offsetHeight - 10 : y + 18) + 'px';
};
const hideTip = () => { tip.hidden = true; };
addEventListener('keydown', e => { if (e.key === 'Escape') hideTip(); });
const figure = (where, title, more) => {
  const f = put(where, 'figure', {'data-plot': title});
  const caption = put(f, 'figcaption', {}, title);
  if (more) put(caption, 'small', {}, more);
  return f;
};
const gridIn = (where, cls = '') => put(where, 'div', {class: 'grid ' + cls});
const table = (where, columns, rows, cls = 'scroll') => {
  const above = [...where.querySelectorAll('h2, h3, summary, caption')].pop();
  const box = put(where, 'div', {class: cls, tabindex: 0, role: 'region', 'aria-label': `Table: ${where.dataset.words || above.textContent}`});
  const t = put(box, 'table'), head = put(put(t, 'thead'), 'tr'), body = put(t, 'tbody');
  for (const c of columns) put(head, 'th', {scope: 'col', class: c.text || c.long ? 'text' : ''}, c.name);
  for (const row of rows) {
    const line = put(body, 'tr');
    columns.forEach((c, i) => {
      const cell = put(line, 'td', {class: (c.text || c.long ? 'text ' : '') + (c.long ? 'long ' : '')}, show(row[i]));
      if (row[i] === 'kept' || row[i] === 'missed') cell.classList.add(row[i] === 'kept' ? 'good' : 'bad');
    });
  }
  return {head, body};
};

// ---------- plots ----------
const W = 460, H = 216, LEFT = 52, RIGHT = 8, TOP = 8, BOTTOM = 40;
const steps = (low, high, count = 4) => {
  const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= raw * 0.999);
  const list = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) list.push(Number(v.toPrecision(12)));
  return list;
};
const axes = (f, label, xWords, [x0, x1], [y0, y1], yTicks = true) => {
  const svg = put(f, 'svg', {viewBox: `0 0 ${W} ${H}`, role: 'img', 'aria-label': label, tabindex: 0});
  const px = v => LEFT + (v - x0) / (x1 - x0 || 1) * (W - LEFT - RIGHT);
  const py = v => H - BOTTOM - (v - y0) / (y1 - y0 || 1) * (H - TOP - BOTTOM);
  for (const v of steps(x0, x1, 5)) put(svg, 'text', {x: px(v), y: H - 23, 'text-anchor': 'middle'}, show(v));
  put(svg, 'text', {class: 'words', x: (LEFT + W - RIGHT) / 2, y: H - 5, 'text-anchor': 'middle'}, xWords);
  if (yTicks) for (const v of steps(y0, y1)) {
    put(svg, 'line', {class: 'axis', x1: LEFT, x2: W - RIGHT, y1: py(v), y2: py(v)});
    put(svg, 'text', {x: LEFT - 5, y: py(v) + 4, 'text-anchor': 'end'}, show(v));
  }
  put(svg, 'line', {class: 'axis', x1: LEFT, x2: W - RIGHT, y1: H - BOTTOM, y2: H - BOTTOM});
  return {svg, px, py};
};
const padded = list => {
  const low = quantile(list, 0), high = quantile(list, 1), pad = (high - low) * 0.06 || Math.abs(high) * 0.05 || 1;
  return [low - pad, high + pad];
};
const key = (f, entries) => {
  const k = put(f, 'div', {class: 'key'});
  for (const [name, colour] of entries) put(put(k, 'span'), 'i', {style: 'background:' + colour}).after(name);
};
// Values by frame; the pointer and the arrow keys read them off with the file's name.
const series = (where, title, more, lines) => {
  const all = sorted(lines.flatMap(l => l.points.map(p => p.y)));
  if (!all.length) return;
  const f = figure(where, title, more);
  const xs = lines.flatMap(l => l.points.map(p => p.x)), last = xs.reduce((a, b) => Math.max(a, b), 0);
  const label = `${title} by frame: from ${show(all[0])} to ${show(all[all.length - 1])}, median ${show(quantile(all, .5))}`;
  const {svg, px, py} = axes(f, label, 'number of the frame', [-0.5, last + 0.5], padded(all));
  for (const l of lines)
    put(svg, 'path', {class: 'dots', style: 'stroke:' + l.colour + (xs.length > 1500 ? ';stroke-width:2' : ''),
      d: l.points.filter(p => known(p.y)).map(p => `M${px(p.x).toFixed(1)} ${py(p.y).toFixed(1)}h0`).join('')});
  if (lines.length > 1) key(f, lines.map(l => [l.name, l.colour]));
  const mark = put(svg, 'line', {class: 'mark', y1: TOP, y2: H - BOTTOM, visibility: 'hidden'});
  let at = 0;
  const read = (index, x, y) => {
    at = Math.max(0, Math.min(last, index));
    for (const side of ['x1', 'x2']) mark.setAttribute(side, px(at));
    mark.setAttribute('visibility', 'visible');
    const said = lines.flatMap(l => l.points.filter(p => p.x === at).map(p =>
      (lines.length > 1 ? l.name + ' ' : '') + (known(p.y) ? show(p.y) : 'not measured')));
    showTip(`${at}: ${fileName(at)}\n${said.join('  ')}`, x, y);
  };
  const leave = () => { mark.setAttribute('visibility', 'hidden'); hideTip(); };
  svg.addEventListener('pointermove', e => {
    const box = svg.getBoundingClientRect();
    const x = (e.clientX - box.left) / box.width * W;
    read(Math.round((x - LEFT) / (W - LEFT - RIGHT) * (last + 1) - 0.5), e.clientX, e.clientY);
  });
  svg.addEventListener('keydown', e => {
    const step = {ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10}[e.key];
    if (!step) return;
    e.preventDefault();
    const box = svg.getBoundingClientRect();
    read(at + step, box.left + box.width * px(at) / W, box.top + box.height / 2);
  });
  svg.addEventListener('pointerleave', leave);
  svg.addEventListener('blur', leave);
};
const bars = (where, title, more, xWords, sets, low, high, unit) => {
  const most = Math.max(1, ...sets.flatMap(s => s.counts));
  const f = figure(where, title, more);
  const total = sets[0].counts.reduce((a, b) => a + b, 0);
  const {svg, px, py} = axes(f, `${title}: histogram of ${total} values from ${show(low)} to ${show(high)} ${unit}`,
    xWords, [low, high], [0, most * 1.05]);
  sets.forEach(s => s.counts.forEach((n, i) => {
    const a = low + (high - low) * i / s.counts.length, b = low + (high - low) * (i + 1) / s.counts.length;
    if (n === 0) return;
    const bar = put(svg, 'rect', {x: px(a) + .5, y: py(n), width: Math.max(1, px(b) - px(a) - 1), height: py(0) - py(n),
      style: `fill:${s.colour};fill-opacity:${sets.length > 1 ? .55 : .85}`});
    bar.addEventListener('pointermove', e => showTip(`${show(a)} to ${show(b)} ${unit}: ${n}${s.name ? ' ' + s.name : ''}`, e.clientX, e.clientY));
    bar.addEventListener('pointerleave', hideTip);
  }));
  if (sets.length > 1) key(f, sets.map(s => [s.name, s.colour]));
};
const binned = (list, low, high, bins) => {
  const counts = Array(bins).fill(0);
  for (const v of list) counts[Math.max(0, Math.min(bins - 1, Math.floor((v - low) / (high - low) * bins)))]++;
  return counts;
};
const boxes = (where, title, more, xWords, sets) => {
  const f = figure(where, title, more), all = sorted(sets.flatMap(s => s.values));
  const cuts = s => [.02, .25, .5, .75, .98].map(q => quantile(sorted(s.values), q));
  const label = title + ': ' + sets.map(s => `${s.name} median ${show(cuts(s)[2])}`).join(', ');
  const {svg, px} = axes(f, label, xWords, padded(all), [0, 1], false);
  sets.forEach((s, i) => {
    const y = TOP + 38 + i * 76, [a, b, m, c, d] = cuts(s);
    put(svg, 'line', {x1: px(a), x2: px(d), y1: y, y2: y, style: `stroke:${s.colour};stroke-width:2`});
    put(svg, 'rect', {x: px(b), y: y - 15, width: Math.max(1, px(c) - px(b)), height: 30, style: `fill:${s.colour};fill-opacity:.35;stroke:${s.colour}`});
    put(svg, 'line', {x1: px(m), x2: px(m), y1: y - 17, y2: y + 17, style: `stroke:${s.colour};stroke-width:3`});
    put(svg, 'text', {x: LEFT, y: y - 21}, `${s.name}: median ${show(m)} px`);
  });
};
// Dots of two figures, each group in a colour; the pointer and the arrow keys (from left to right) read them off.
const scatter = (where, title, more, xWords, groups) => {
  const dots = groups.flatMap(g => g.points.map(p => ({...p, big: g.big, colour: g.colour}))).filter(p => known(p.x) && known(p.y)).sort((a, b) => a.x - b.x);
  if (!dots.length) return;
  const xs = sorted(dots.map(p => p.x)), ys = sorted(dots.map(p => p.y)), f = figure(where, title, more);
  const label = `${title}: ${dots.length} dots; ${xWords} from ${show(xs[0])} to ${show(xs[xs.length - 1])}, the other figure from ${show(ys[0])} to ${show(ys[ys.length - 1])}`;
  const {svg, px, py} = axes(f, label, xWords, padded(xs), padded(ys));
  for (const p of dots) put(svg, 'circle', {cx: px(p.x), cy: py(p.y), r: p.big ? 6 : 2.2, style: `fill:${p.colour}` + (p.big ? ';stroke:var(--card)' : '')});
  key(f, groups.filter(g => g.points.length).map(g => [g.name, g.colour]));
  const mark = put(svg, 'circle', {class: 'mark', r: 8, style: 'fill:none', visibility: 'hidden'});
  let at = -1;
  const read = (index, x, y) => {
    at = Math.max(0, Math.min(dots.length - 1, index));
    for (const [name, v] of [['cx', px(dots[at].x)], ['cy', py(dots[at].y)], ['visibility', 'visible']]) mark.setAttribute(name, v);
    showTip(dots[at].text, x, y);
  };
  const leave = () => { mark.setAttribute('visibility', 'hidden'); hideTip(); };
  const place = e => { const b = svg.getBoundingClientRect(); return [(e.clientX - b.left) / b.width * W, (e.clientY - b.top) / b.height * H]; };
  svg.addEventListener('pointermove', e => {
    const [x, y] = place(e), away = p => (px(p.x) - x) ** 2 + (py(p.y) - y) ** 2;
    read(dots.reduce((best, p, i) => away(p) < away(dots[best]) ? i : best, 0), e.clientX, e.clientY);
  });
  svg.addEventListener('keydown', e => {
    const step = {ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10}[e.key];
    if (!step) return;
    e.preventDefault();
    const b = svg.getBoundingClientRect(), next = Math.max(0, Math.min(dots.length - 1, at + step));
    read(next, b.left + b.width * px(dots[next].x) / W, b.top + b.height * py(dots[next].y) / H);
  });
  svg.addEventListener('pointerleave', leave);
  svg.addEventListener('blur', leave);
};
// A bar for each name and figure, the longest as long as the plot.
const lying = (where, title, more, unit, items, sets) => {
  const most = Math.max(...items.flatMap(i => i.values), 1e-9), row = 15 * sets.length + 20, high = row * items.length + 6;
  const f = figure(where, title, more);
  const svg = put(f, 'svg', {viewBox: `0 0 ${W} ${high}`, role: 'img', tabindex: 0,
    'aria-label': `${title}: ` + items.map(i => `${i.name} ${i.values.map((v, k) => `${show(+v.toFixed(2))} ${unit} ${sets[k].name}`).join(', ')}`).join('; ')});
  items.forEach((item, n) => {
    put(svg, 'text', {x: 0, y: n * row + 14}, item.name);
    item.values.forEach((v, k) => {
      const y = n * row + 19 + 15 * k, length = v / most * (W - 70);
      put(svg, 'rect', {x: 0, y, width: Math.max(1, length), height: 12, style: `fill:${sets[k].colour}`});
      put(svg, 'text', {x: length + 5, y: y + 10}, `${show(+v.toFixed(2))} ${unit}`);
    });
  });
  if (sets.length > 1) key(f, sets.map(s => [s.name, s.colour]));
};
const viridis = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
const redBlue = [[33, 102, 172], [146, 197, 222], [247, 247, 247], [244, 165, 130], [178, 24, 43]];
const colourOf = (place, ramp) => {
  const at = Math.max(0, Math.min(.9999, place)) * (ramp.length - 1), i = Math.floor(at), t = at - i;
  return ramp[i].map((v, k) => Math.round(v + (ramp[i + 1][k] - v) * t));
};
const scale = (f, low, high, unit, ramp) => {
  const s = put(f, 'div', {class: 'scale', 'aria-hidden': 'true'});
  put(s, 'span', {}, show(low, 3));
  put(s, 'b', {style: `background:linear-gradient(90deg,${ramp.map(c => `rgb(${c})`).join(',')})`});
  put(s, 'span', {}, show(high, 3) + ' ' + unit);
};
const map = (where, m, more) => {
  const codes = Uint8Array.from(atob(m.codes), c => c.charCodeAt(0)), ramp = m.zero ? redBlue : viridis;
  const seen = codes.filter(c => c < 255);
  const f = figure(where, m.title, more);
  if (!seen.length) return note(f, 'No cell of the image has a value.');
  const unit = m.unit || '', value = c => m.low + (m.high - m.low) * c / 254;
  const c = put(f, 'canvas', {width: m.w, height: m.h, style: slim(m.w, m.h), role: 'img',
    'aria-label': `${m.title}: map of the image, colours from ${show(m.low)} to ${show(m.high)} ${unit}`});
  const context = c.getContext('2d'), pixels = context.createImageData(m.w, m.h);
  codes.forEach((code, i) => pixels.data.set(code === 255 ? [0, 0, 0, 0] : [...colourOf(code / 254, ramp), 255], 4 * i));
  context.putImageData(pixels, 0, 0);
  scale(f, m.low, m.high, unit, ramp);
  c.addEventListener('pointermove', e => {
    const x = Math.floor(e.offsetX / c.clientWidth * m.w), y = Math.floor(e.offsetY / c.clientHeight * m.h);
    const code = codes[y * m.w + x];
    if (code === undefined) return hideTip();
    const place = `x ${Math.round((x + .5) / m.w * image.width)}, y ${Math.round((1 - (y + .5) / m.h) * image.height)}`;
    showTip(`${place}: ${code === 255 ? 'nothing known' : show(value(code), 3) + ' ' + unit}`, e.clientX, e.clientY);
  });
  c.addEventListener('pointerleave', hideTip);
};
// A tall image is kept from filling the screen.
const slim = (w, h) => h > w ? `max-width:${Math.round(460 * w / h)}px` : '';
// Things at places of the image, coloured: stars, tiles.
const places = (where, title, more, unit, items, draw) => {
  const f = figure(where, title, more), list = sorted(items.map(i => i.value));
  const low = quantile(list, .02), high = quantile(list, .98), span = high - low || 1;
  const svg = put(f, 'svg', {viewBox: `0 0 ${image.width} ${image.height}`, style: slim(image.width, image.height), role: 'img',
    'aria-label': `${title}: ${items.length} places of the image, from ${show(list[0])} to ${show(list[list.length - 1])} ${unit}`});
  put(svg, 'rect', {class: 'axis', width: image.width, height: image.height, style: 'stroke-width:.3%'});
  for (const item of items) {
    const node = draw(svg, item, item.colour || `rgb(${colourOf((item.value - low) / span, viridis)})`);
    node.addEventListener('pointermove', e => showTip(item.text, e.clientX, e.clientY));
    node.addEventListener('pointerleave', hideTip);
  }
  if (list.length && !items[0].colour) scale(f, low, high, unit, viridis);
  return f;
};
