// Runs inside the report after its own script: uses the page as a reader would, and leaves what it saw as JSON in an
// element of its own. `errors` is filled from the first line of the page on.
(() => {
  const all = s => [...document.querySelectorAll(s)];
  const one = s => document.querySelector(s);
  const seen = {ready: document.documentElement.dataset.ready || '', errors: window.errors};
  seen.plots = all('figure').map(f => f.dataset.plot);
  seen.emptyPlots = all('figure').filter(f => !f.querySelector('svg > *, canvas')).map(f => f.dataset.plot);
  seen.nameless = all('img:not([alt]), svg:not([aria-label]), canvas:not([aria-label])').length;
  seen.emptySections = all('main > section').filter(s => s.children.length < 2).map(s => s.id);
  seen.pictures = all('.viewer img').map(i => [i.naturalWidth, i.naturalHeight]);
  seen.axisWords = Object.fromEntries(all('figure').filter(f => f.querySelector('svg .words')).map(f => [f.dataset.plot, f.querySelector('svg .words').textContent]));
  const labels = all('[role=region]').map(n => n.getAttribute('aria-label'));
  seen.sameRegions = labels.filter((l, i) => labels.indexOf(l) !== i);
  seen.headless = all('th').filter(th => !th.textContent).length;
  const rects = all('figure[data-plot="Tile grid"] svg rect:not(.axis)').map(r => ['x', 'y', 'width', 'height'].map(n => +r.getAttribute(n)));
  seen.tilesOverOthers = rects.filter(([x, y, w, h], i) => rects.some(([a, b, c, d], k) => k !== i && x < a + c && a < x + w && y < b + d && b < y + h)).length;
  const tiles = (JSON.parse(one('#data').textContent).grid || {}).tiles || [], height = (one('.viewer img') || {}).naturalHeight;
  seen.tilesBesideTheirCell = tiles.filter((t, i) => {
    const [x, y, w, h] = rects[i], column = t.x0 + t.w / 2, row = height - t.y0 - t.h / 2;
    return column < x || column > x + w || row < y || row > y + h;
  }).length;
  seen.name = one('h1').textContent;
  seen.uncertainties = all('#verdict tbody tr').map(tr => [tr.textContent, tr.cells.length > 6 ? tr.cells[5].textContent : '']);
  seen.injected = window.injected === undefined ? 'no' : 'yes';

  const range = one('#picture input[type=range]'), over = one('.viewer .over');
  if (range) {
    const slide = v => { range.value = v; range.dispatchEvent(new Event('input')); return over.style.clipPath; };
    seen.slider = [slide(20), slide(100)];
    const [, blink, zoom] = all('#picture button');
    blink.click();
    seen.blink = [blink.getAttribute('aria-pressed'), one('#picture [role=status]').textContent];
    all('#picture button')[0].click();
    const before = over.clientWidth;
    zoom.click();
    seen.zoom = over.clientWidth / before;
    zoom.click();
    const stage = one('#picture .stage'), box = stage.getBoundingClientRect();
    stage.dispatchEvent(new MouseEvent('click', {clientX: box.left + box.width / 2, clientY: box.top + 1, bubbles: true}));
    seen.asked = one('#picture code').textContent;
    seen.story = all('#picture .story tbody tr').map(tr => [...tr.children].map(td => td.textContent));
    const [column, row] = all('#picture input[type=number]');
    [column.value, row.value] = window.askFor || [3, 5];
    one('#picture form').requestSubmit();
    seen.askedByKeys = one('#picture code').textContent;
    seen.tilesOfPixel = one('#picture .story p').textContent;
    for (const button of all('#picture .story button')) button.click();
    seen.parts = Object.fromEntries(all('#picture .story tbody tr').map(tr => [tr.children[0].textContent, tr.children[1].textContent]));
    zoom.click();
  }
  const heading = name => all('#frames th button').find(b => b.textContent === name);
  const column = name => {
    const at = all('#frames th').findIndex(th => th.textContent === name);
    return all('#frames tbody tr').map(tr => tr.children[at].textContent);
  };
  if (heading('Weight')) {
    heading('Weight').click();
    seen.up = column('Weight').filter(t => t).map(Number);
    heading('Weight').click();
    seen.down = column('Weight').filter(t => t).map(Number);
    seen.sorted = all('#frames th').find(th => th.textContent === 'Weight').getAttribute('aria-sort');
    seen.taken = column('Taken');
  }
  const plot = one('#night svg');
  if (plot) {
    plot.focus();
    plot.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight'}));
    seen.tip = one('#tip').textContent;
    plot.blur();
  }
  // Contrast of texts against what is behind them, as WCAG has it.
  const rgb = text => text.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = node => {
    for (let n = node; n; n = n.parentElement) {
      const c = rgb(getComputedStyle(n).backgroundColor);
      if (c.length === 3 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  seen.contrast = Math.min(...all('h2, p, a, td, th, button, figcaption, small, dt, dd, span.badge, .good, .bad').filter(n => n.offsetParent).map(n => {
    const [a, b] = [light(rgb(getComputedStyle(n).color)), light(behind(n))];
    return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  }));
  seen.background = light(rgb(getComputedStyle(document.body).backgroundColor));
  seen.tooWide = document.scrollingElement.scrollWidth - innerWidth;
  const out = document.createElement('pre');
  out.id = 'seen';
  out.textContent = JSON.stringify(seen);
  document.body.append(out);
})();
