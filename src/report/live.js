// ---------- a run under way ----------
// The server tells what is new; what was missed is told again from the start.
const clock = s => s >= 3600 ? `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min` : s >= 60 ? `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s` : `${Math.round(s)} s`;
const loaded = url => new Promise((done, failed) => {
  const image = new Image();
  image.onload = () => done(image);
  image.onerror = failed;
  image.src = url;
});
const livePicture = where => {
  note(where, 'The plain mean of all frames, dark, and over it the tiles of the reconstruction as they come in. Seams between tiles vanish when they are joined at the end.');
  const waiting = note(where, 'The picture appears when the frames are analysed.');
  const canvas = put(where, 'canvas', {hidden: '', width: 1, height: 1, role: 'img', 'aria-label': 'Picture under way: no tiles yet'});
  const pen = canvas.getContext('2d');
  let laid = new Set(), round = 0;
  const say = () => canvas.setAttribute('aria-label', `Picture under way: ${laid.size} tiles over the plain mean`);
  const over = (image, t, whole) => {
    pen.drawImage(image, whole ? t.x : 0, whole ? t.y : 0, t.w, t.h, t.x, t.y, t.w, t.h);
    laid.add(t.tile_id);
    canvas.dataset.tiles = laid.size;
    say();
  };
  // Tiles that come while the pictures are on their way are drawn after them.
  let ready = Promise.resolve();
  const begin = known => {
    const mine = ++round;
    ready = Promise.all(['plain.png', 'picture.png'].map(name => loaded(`${name}?${Date.now()}`))).then(([plain, now]) => {
      if (mine !== round) return;
      canvas.width = plain.naturalWidth;
      canvas.height = plain.naturalHeight;
      canvas.hidden = false;
      waiting.remove();
      laid = new Set();
      pen.filter = 'brightness(45%)';
      pen.drawImage(plain, 0, 0);
      pen.filter = 'none';
      for (const t of known) over(now, t, true);
      say();
    }).catch(() => {});
  };
  return {begin, tile: t => { const before = ready; ready = before.then(() => loaded(t.png)).then(image => over(image, t, false)).catch(() => {}); }};
};
const live = () => {
  const where = section('live'), said = put(where, 'p', {role: 'status', 'aria-live': 'polite'}, 'Waiting for the run ...');
  where.hidden = false;
  const bar = put(where, 'progress', {max: 1, value: 0, 'aria-label': 'Tiles that are done', style: 'width:100%;height:18px;accent-color:var(--accent)'});
  const trouble = put(where, 'p', {class: 'bad', id: 'standstill', hidden: ''});
  const facts = put(where, 'dl');
  const fact = name => { put(facts, 'dt', {}, name); return put(facts, 'dd', {}, '-'); };
  const [phase, tilesDone, rate, eta, troubles] = ['Phase', 'Tiles', 'Rate', 'Left', 'Troubles'].map(fact);
  put(where, 'h3', {}, 'Workers');
  const {body} = table(where, [{name: 'Worker', text: true}, {name: 'Tiles'}, {name: 'Seconds a tile'}, {name: 'Tiles a minute'}, {name: 'Last heard of'}, {name: 'Says', long: true}], []);
  put(where, 'h3', {}, 'What happened');
  const list = put(where, 'ul', {class: 'small', id: 'news'});
  const picture = livePicture(section('picture'));
  const first = new Map();  // worker -> [tiles, time] when this page first saw it
  const status = s => {
    const t = s.tiles, ended = s.status !== 'running';
    section('status').textContent = ended ? statusWords[s.status] || s.status : 'running';
    said.textContent = ended ? 'The run has ended.' : s.phase[0].toUpperCase() + s.phase.slice(1) + (t.count ? `: ${t.done} of ${t.count} tiles` : '');
    document.title = t.count ? `${Math.floor(100 * t.done / t.count)} % tilecompile` : 'tilecompile';
    bar.max = t.count || 1;
    bar.value = t.done;
    phase.textContent = s.phase;
    tilesDone.textContent = `${t.done} of ${t.count} done, ${t.failed} failed`;
    rate.textContent = s.tiles_a_second ? `${show(60 * s.tiles_a_second, 3)} tiles a minute` : '-';
    eta.textContent = known(s.eta_s) ? clock(s.eta_s) + ' for these tiles' : '-';
    troubles.textContent = `${t.retried} tried again, ${t.lost} lost and sent again, ${s.dead_letters} dead letters`;
    trouble.hidden = !s.state;
    trouble.textContent = s.state ? `Stands still: ${s.state}. ${s.waits_for || ''}` : '';
    const now = Date.now() / 1000, all = new Set([...Object.keys(s.workers || {}), ...Object.keys(s.troubles || {})]);
    body.replaceChildren();
    for (const id of [...all].sort()) {
      const n = (s.workers || {})[id] || 0, pace = (s.paces || {})[id] || {}, bad = (s.troubles || {})[id] || {};
      if (!first.has(id)) first.set(id, [n, now]);
      const [n0, t0] = first.get(id), line = put(body, 'tr');
      const words = [bad.rests && 'takes no tasks: ' + bad.rests, bad.failures && `${bad.failures} failures, the last: ${bad.last_failure}`, bad.handed_back && `${bad.handed_back} handed back`, bad.rejected && `${bad.rejected} results rejected`].filter(Boolean).join('; ');
      for (const [text, cls] of [[id || '(unknown)', 'text'], [n, ''], [n && pace.compute_seconds ? show(pace.compute_seconds / n, 3) : '', ''], [now - t0 > 3 ? show(60 * (n - n0) / (now - t0), 3) : '', ''],
        [pace.last_seen_s ? clock(Math.max(0, now - pace.last_seen_s)) + ' ago' : '', ''], [words, 'text long']]) put(line, 'td', {class: cls}, String(text));
    }
  };
  const wordsOf = {run_started: 'the run has started', run_resumed: 'the run goes on', round_began: 'a round of tiles has begun', tasks_published: 'tasks are on the queue', tile_failed: 'a tile failed', tile_retried: 'a tile is tried again', tile_handed_back: 'a tile came back untried',
    worker_rests: 'a worker takes no tasks', worker_takes_tasks: 'a worker takes tasks again', tasks_lost: 'tasks were lost and are sent again', result_rejected: 'a result was not taken', standstill: 'the run stands still', goes_on: 'the run goes on', warning: 'warning', frame_quarantined: 'a bad frame was set aside', frame_left_out: 'a file was left out', report_written: 'the report is written'};
  const happened = e => {
    if (!wordsOf[e.event]) return;
    const more = [e.worker_id, e.tile_id && 'tile ' + e.tile_id, e.frame, e.tasks, e.state, e.reason || e.text].filter(Boolean).join(': ');
    const line = document.createElement('li');
    line.textContent = `${(e.time || '').slice(11, 19)} ${wordsOf[e.event]}${more ? ': ' + more : ''}`;
    list.prepend(line);
    while (list.children.length > 30) list.lastChild.remove();
  };
  const source = new EventSource('events'), on = (name, take) => source.addEventListener(name, e => take(JSON.parse(e.data)));
  on('hello', h => { for (const e of h.events) happened(e); if (h.picture) picture.begin(h.tiles); if (h.picture && !rows.length) location.reload(); });
  on('picture', () => { picture.begin([]); if (!rows.length) location.reload(); });
  on('tile', picture.tile);
  on('status', status);
  on('event', happened);
  // The page becomes the report.
  on('end', () => {
    source.close();
    fetch('report.html', {signal: AbortSignal.timeout(10000)}).then(r => r.ok ? r.text() : Promise.reject()).then(html => {
      document.open();
      document.write(html);
      document.close();
    }).catch(() => { said.textContent = 'The run has ended. Its report could not be fetched: it lies in the folder of the run, and tilecompile report writes it once more.'; });
  });
  source.onerror = () => { said.textContent = 'No connection to the run: it has ended, or the network is away.'; };
};
