// Progressive enhancement: without this file the table is complete and in order of rank. Everything is read from the
// cells that people see; filter, order and pinned row stand in the address, so that a link shows the same view.
(() => {
  'use strict';
  const doc = document, table = doc.getElementById('vergleich');
  doc.documentElement.classList.add('js');
  if (!table) return;
  const body = table.tBodies[0], rows = [...body.rows].filter(r => r.id), heads = [...table.tHead.rows[0].cells];
  const at = id => doc.getElementById(id), collator = new Intl.Collator('de', {numeric: true});
  const fields = {q: at('f-q'), typ: at('f-typ'), land: at('f-land')}, status = at('status');
  const standard = heads.find(h => h.hasAttribute('aria-sort')).dataset.k;
  let sort = standard, direction = 'asc';

  // Names match without case and accents, with umlauts written as a or ae.
  const plain = s => s.toLowerCase().normalize('NFD').replace(/\p{M}/gu, '').replace(/ß/g, 'ss').replace(/\s*-\s*/g, '-');
  const spelt = s => s.toLowerCase().replace(/ä/g, 'ae').replace(/ö/g, 'oe').replace(/ü/g, 'ue').replace(/ß/g, 'ss').replace(/\s*-\s*/g, '-');
  const data = rows.map((row, order) => {
    const name = row.querySelector('th a').textContent;
    return {row, order, name, plain: plain(name), spelt: spelt(name)};
  });
  const number = text => {
    const found = /[−+±]?\d+(?:,\d+)?/.exec(text);
    return found ? parseFloat(found[0].replace('−', '-').replace(/[+±]/, '').replace(',', '.')) : NaN;
  };
  const value = (item, index, key) => {
    const cell = item.row.cells[index];
    if (key !== 'mv') return number(cell.textContent);
    const text = cell.textContent, places = number(text);
    return text.includes('schlechter') ? -places : text.includes('unverändert') ? 0 : places;
  };

  // A page opened from disk may not rewrite its address; filtering works all the same.
  const remember = tail => { try { history.replaceState(null, '', location.pathname + tail); } catch { /* opened from disk */ } };

  function apply(write) {
    const q = fields.q.value.trim(), a = plain(q), b = spelt(q);
    const typ = fields.typ ? fields.typ.value : '', land = fields.land.value;
    const pinned = decodeURIComponent(location.hash.slice(1));
    let shown = 0;
    for (const item of data) {
      const {row} = item, match = (!q || item.plain.includes(a) || item.spelt.includes(b)) &&
        (!typ || row.dataset.t === typ) && (!land || row.dataset.l === land);
      row.hidden = !match && row.id !== pinned;
      row.classList.toggle('me', row.id === pinned);
      shown += !row.hidden;
    }
    const index = heads.findIndex(h => h.dataset.k === sort), sign = direction === 'asc' ? 1 : -1;
    const keys = new Map(data.map(item => [item, sort === 'name' ? item.name : value(item, index, sort)]));
    const ordered = [...data].sort((x, y) => {
      if (sort === standard && sort === 'rang' && sign === 1) return x.order - y.order;
      const m = keys.get(x), n = keys.get(y);
      if (sort === 'name') return sign * collator.compare(m, n);
      if (Number.isNaN(m) || Number.isNaN(n)) return Number.isNaN(m) - Number.isNaN(n) || x.order - y.order;
      return sign * (m - n) || x.order - y.order;
    });
    body.append(...ordered.map(item => item.row));
    let words = '';
    for (const head of heads) {
      if (head.dataset.k === sort) {
        head.setAttribute('aria-sort', direction === 'asc' ? 'ascending' : 'descending');
        words = head.querySelector('button').dataset.w;
      } else head.removeAttribute('aria-sort');
    }
    status.textContent = `${shown} von ${rows.length} Jobcentern · sortiert nach ${words} (${direction === 'asc' ? 'aufsteigend' : 'absteigend'})`;
    const query = new URLSearchParams();
    for (const name in fields) if (fields[name] && fields[name].value) query.set(name, fields[name].value.trim());
    if (sort !== standard || direction !== 'asc') { query.set('sort', sort); query.set('dir', direction); }
    const tail = (query.size ? '?' + query : '') + location.hash;
    if (write) remember(tail);
    for (const link of doc.querySelectorAll('.seg a, .version a, nav.codes a')) link.href = link.getAttribute('href').split(/[?#]/)[0] + tail;
    const all = at('seg-alle');
    if (!shown && all && !all.hasAttribute('aria-current')) {
      const link = doc.createElement('a');
      link.href = all.href;
      link.textContent = 'in allen Jobcentern suchen';
      status.append(' · ', link);
    }
  }

  const query = new URLSearchParams(location.search);
  for (const name in fields) if (fields[name] && query.get(name)) fields[name].value = query.get(name);
  const wanted = heads.find(h => h.dataset.k && h.dataset.k === query.get('sort'));
  if (wanted) sort = wanted.dataset.k;
  if (query.get('dir') === 'desc') direction = 'desc';

  table.tHead.addEventListener('click', event => {
    const button = event.target.closest('button');
    if (!button) return;
    const key = button.closest('th').dataset.k;
    if (key === sort) direction = direction === 'asc' ? 'desc' : 'asc';
    else { sort = key; direction = button.dataset.f; }
    apply(true);
  });
  for (const name in fields) if (fields[name]) fields[name].addEventListener(name === 'q' ? 'input' : 'change', () => apply(true));
  doc.querySelector('.filter').addEventListener('submit', event => event.preventDefault());
  doc.querySelector('.filter').addEventListener('reset', () => {
    sort = standard;
    direction = 'asc';
    remember('');
    setTimeout(() => apply(true));
  });
  addEventListener('hashchange', () => apply(false));
  const copy = at('copy');
  copy.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      copy.textContent = 'Link kopiert';
    } catch { copy.textContent = 'Link steht in der Adresszeile'; }
  });
  apply(false);
})();
