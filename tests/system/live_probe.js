// Runs inside the page of a run under way, after it has shown for a while; leaves what it saw as JSON.
(() => {
  const all = s => [...document.querySelectorAll(s)];
  const one = s => document.querySelector(s);
  const canvas = one('#picture canvas');
  const seen = {errors: window.errors, ready: document.documentElement.dataset.ready || ''};
  seen.status = one('#status').textContent;
  seen.said = one('#live [role=status]').textContent;
  seen.bar = [one('#live progress').value, one('#live progress').max];
  seen.workers = all('#live tbody tr').map(tr => tr.firstChild.textContent);
  seen.news = all('#news li').map(li => li.textContent);
  seen.plots = all('figure').map(f => f.dataset.plot);
  seen.nameless = all('img:not([alt]), svg:not([aria-label]), canvas:not([aria-label])').length;
  seen.tiles = Number(canvas.dataset.tiles || 0);
  seen.canvas = [canvas.width, canvas.height];
  seen.tooWide = document.scrollingElement.scrollWidth - innerWidth;
  const bytes = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let dark = 0, bright = 0;
  for (let y = 0; y < canvas.height; ++y)
    for (let x = 0; x < canvas.width; ++x) (y * 2 < canvas.height ? dark += bytes[4 * (y * canvas.width + x)] : bright += bytes[4 * (y * canvas.width + x)]);
  seen.upper = dark / canvas.width / canvas.height;
  seen.lower = bright / canvas.width / canvas.height;
  const out = document.createElement('pre');
  out.id = 'seen';
  out.textContent = JSON.stringify(seen);
  document.body.append(out);
})();
