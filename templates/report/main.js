// Unpacks what the page carries, draws each panel when it comes into view, and filters by job ids.
import { CHARTS } from './figures.js';
import { grouped, named, searched, word } from './rows.js';
import { isNarrow, onLook, setPrinting } from './theme.js';

const CONFIG = { displaylogo: false, responsive: true, modeBarButtonsToRemove: ['sendDataToCloud', 'select2d', 'lasso2d'] };

/** Panels that are drawn before anybody looks at them. */
const MOST_DRAWN = 60;

/** Jobs that can be chosen in one list. */
const MOST_CHOICES = 2000;

/** The words of the filter, in lower case; all must be in a job's id, or in a row that has none. */
let terms = /** @type {string[]} */ ([]);

/** @param {string} text */
function matches(text) {
  const lower = text.toLowerCase();
  return terms.every((term) => lower.includes(term));
}

/**
 * Base64 of gzip of a text.
 * @param {string} text
 */
async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).text();
}

/** @type {Promise<void> | undefined} */
let library;

/** The charting library, once somebody asks for it. */
function loadLibrary() {
  library ??= (async () => {
    const packed = /** @type {HTMLElement} */ (document.getElementById('library'));
    const script = document.createElement('script');
    script.textContent = await unpacked(packed.textContent ?? '');
    packed.textContent = '';
    document.head.append(script);
  })();
  return library;
}

/**
 * Lets paper show a chart smaller than it is.
 * @param {HTMLElement} plot
 */
function canShrink(plot) {
  for (const svg of plot.querySelectorAll('.main-svg')) {
    svg.setAttribute('viewBox', `0 0 ${svg.getAttribute('width')} ${svg.getAttribute('height')}`);
  }
}

/** A panel on the page: its data, its charts and what is chosen in them. */
class PanelView {
  /** @param {HTMLElement} section */
  constructor(section) {
    this.section = section;
    this.charts = /** @type {HTMLElement} */ (section.querySelector('.charts'));
    this.said = /** @type {HTMLOutputElement} */ (section.querySelector('.tools output'));
    this.visible = false;
    /** @type {Promise<import('./rows.js').Panel> | undefined} */
    this.loading = undefined;
    /** @type {Map<string, string>} */
    this.chosen = new Map();
    this.queue = Promise.resolve();
  }

  data() {
    this.loading ??= (async () => {
      const script = /** @type {HTMLElement} */ (this.section.querySelector('script.data'));
      const text = script.textContent ?? '';
      return JSON.parse('packed' in script.dataset ? await unpacked(text) : text);
    })();
    return this.loading;
  }

  /** The rows that pass the filter, as they are. */
  async rows() {
    const panel = await this.data();
    return terms.length ? panel.rows.filter((row) => matches(searched(panel.columns, row))) : panel.rows;
  }

  /** Draws what is to be seen; one drawing waits for another, and none for one that failed. */
  draw() {
    this.queue = this.queue.then(() => this.drawNow()).catch((error) => {
      console.error(error);
      this.said.textContent = `This can't be drawn: ${error}`;
      this.section.dataset.drawn = 'failed';
    });
    return this.queue;
  }

  async drawNow() {
    await loadLibrary();
    const panel = await this.data();
    const rows = named(panel, await this.rows());
    const drawn = terms.join(' ') || 'all';
    for (const name of panel.charts) {
      const chart = CHARTS[name];
      if (chart) await this.drawChart(name, chart, panel, rows);
    }
    this.section.dataset.drawn = drawn;
  }

  /**
   * @param {string} name
   * @param {import('./figures.js').Chart} chart
   * @param {import('./rows.js').Panel} panel
   * @param {import('./rows.js').Row[]} rows
   */
  async drawChart(name, chart, panel, rows) {
    const { figure, select, plot, caption } = this.place(name);
    let drawn = rows;
    let unlisted = '';
    select.hidden = true;
    if (chart.choose) {
      const column = chart.choose;
      const groups = grouped(rows, (row) => word(row, column));
      const keys = [...groups.keys()];
      const old = this.chosen.get(name) ?? '';
      const key = groups.has(old) ? old : (keys[0] ?? '');
      drawn = groups.get(key) ?? [];
      select.replaceChildren(...keys.slice(0, MOST_CHOICES).map((text) => new Option(text, text, false, text === key)));
      select.hidden = keys.length < 2;
      unlisted = keys.length > MOST_CHOICES ? `The first ${MOST_CHOICES} of ${keys.length} jobs can be chosen.` : '';
      select.onchange = () => {
        this.chosen.set(name, select.value);
        this.draw();
      };
    }
    plot.hidden = drawn.length === 0;
    if (drawn.length === 0) {
      caption.textContent = panel.rows.length > 0 ? 'Nothing matches the filter.' : 'There is nothing to draw.';
      return;
    }
    const { data, layout, drawn: count, total, what, more } = chart.draw(panel, drawn);
    const left = panel.rows.length < panel.total ? `${panel.rows.length} of ${panel.total} rows are in this page.` : '';
    const part = count < total ? `${count} of ${total} drawn: ${what}; filter to see others.` : '';
    figure.dataset.count = String(count);
    caption.textContent = [part, more, unlisted, left].filter(Boolean).join(' ');
    if (count === 0) {
      plot.hidden = true;
      caption.textContent = `There is nothing that can be drawn; the table says why. ${left}`;
      return;
    }
    plot.style.height = `${layout.height ?? 400}px`;
    // On narrow screens its buttons would lie on the legend.
    const fresh = !plot.classList.contains('js-plotly-plot');
    await Plotly.react(plot, data, layout, { ...CONFIG, displayModeBar: isNarrow() ? false : 'hover' });
    if (fresh) /** @type {any} */ (plot).on('plotly_afterplot', () => canShrink(plot));
    canShrink(plot);
  }

  /**
   * The elements of a chart, made where they are missing.
   * @param {string} name
   */
  place(name) {
    let figure = /** @type {HTMLElement | null} */ (this.charts.querySelector(`figure[data-chart="${name}"]`));
    if (!figure) {
      figure = document.createElement('figure');
      figure.dataset.chart = name;
      const plot = document.createElement('div');
      plot.className = 'chart';
      figure.append(document.createElement('select'), plot, document.createElement('figcaption'));
      this.charts.append(figure);
    }
    const find = (/** @type {string} */ query) => /** @type {any} */ (figure.querySelector(query));
    return {
      figure,
      select: /** @type {HTMLSelectElement} */ (find('select')),
      plot: /** @type {HTMLElement} */ (find('.chart')),
      caption: /** @type {HTMLElement} */ (find('figcaption')),
    };
  }

  /** Puts the rows that pass the filter on the clipboard, with tabs. */
  async copy() {
    const panel = await this.data();
    const rows = await this.rows();
    // As in the run's own files, a spreadsheet is not to take a text for a formula; nor a quote for the begin of a cell.
    const clean = (/** @type {unknown} */ cell) => {
      const line = String(cell ?? '').replaceAll(/[\t\r\n]/g, ' ');
      return typeof cell === 'string' && /^\s*[=+\-@"]/.test(line) ? `'${line}` : line;
    };
    const text = [panel.columns, ...rows].map((row) => row.map(clean).join('\t')).join('\n');
    const left = panel.rows.length < panel.total ? `; ${panel.rows.length} of ${panel.total} are in this page` : '';
    this.said.textContent = (await toClipboard(text)) ? `${rows.length} rows copied${left}` : 'The browser refuses to copy.';
  }
}

/**
 * @param {string} text
 * @returns {Promise<boolean>}
 */
async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Pages from files may have no clipboard.
    const area = document.createElement('textarea');
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand('copy');
    area.remove();
    return copied;
  }
}

/** @type {PanelView[]} */
const views = [];

/** Hides the rows of tables that do not pass the filter, and says how many of a run's jobs, or of its trials, do. */
function filterTables() {
  let [jobs, allJobs, trials, allTrials] = [0, 0, 0, 0];
  for (const table of document.querySelectorAll('table.jobs, table.cells')) {
    const columns = [...table.querySelectorAll('thead th')].map((head) => head.textContent ?? '');
    // Other tables than those of panels begin with a job's id as well.
    if (table.classList.contains('jobs')) columns[0] = 'job_id';
    for (const row of /** @type {NodeListOf<HTMLElement>} */ (table.querySelectorAll('tbody > tr'))) {
      const match = matches(searched(columns, [...row.children].map((cell) => cell.textContent)));
      row.hidden = !match;
      if (table.classList.contains('cells')) {
        trials += Number(match);
        allTrials += 1;
      }
    }
  }
  for (const row of document.querySelectorAll('table.grid > tbody > tr')) {
    let any = false;
    for (const cell of /** @type {NodeListOf<HTMLElement>} */ (row.querySelectorAll('td[data-job]'))) {
      const match = matches(cell.dataset.job ?? '');
      cell.classList.toggle('dimmed', !match);
      any ||= match;
      jobs += Number(match);
      allJobs += 1;
    }
    /** @type {HTMLElement} */ (row).hidden = !any;
  }
  const said = [allJobs ? `${jobs} of ${allJobs} jobs` : '', allTrials ? `${trials} of ${allTrials} trials` : ''];
  const output = document.getElementById('matches');
  if (output) output.textContent = terms.length ? said.filter(Boolean).join(', ') : '';
}

/** Draws again what is drawn. */
function redraw() {
  for (const view of views) {
    if (view.visible) view.draw();
  }
}

/** Draws what is not in view while nothing else is to be done: printing waits for no drawing. */
async function drawTheRest() {
  const idle = () => new Promise((resolve) => requestIdleCallback(resolve, { timeout: 2000 }));
  for (const view of views.slice(0, MOST_DRAWN)) {
    await idle();
    if (!view.visible) {
      view.visible = true;
      await view.draw();
    }
  }
  document.body.dataset.drawn = 'all';
}

function start() {
  const inView = new IntersectionObserver(
    (entries) => {
      for (const entry of entries.filter((entry) => entry.isIntersecting)) {
        const view = views.find((view) => view.section === entry.target);
        if (view && !view.visible) {
          view.visible = true;
          view.draw();
        }
      }
    },
    { rootMargin: '400px' },
  );
  for (const section of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('section.panel'))) {
    const view = new PanelView(section);
    views.push(view);
    inView.observe(section);
    const button = /** @type {HTMLButtonElement} */ (section.querySelector('.copy'));
    button.hidden = false;
    button.onclick = () => view.copy();
    const table = /** @type {HTMLDetailsElement} */ (section.querySelector('details'));
    const link = /** @type {HTMLAnchorElement} */ (section.querySelector('.tools a'));
    link.onclick = () => {
      table.open = true;
    };
  }
  const filter = /** @type {HTMLInputElement} */ (document.getElementById('filter'));
  filter.oninput = () => {
    terms = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    filterTables();
    redraw();
  };
  onLook(redraw);
  drawTheRest();
  for (const [event, printing] of /** @type {[string, boolean][]} */ ([['beforeprint', true], ['afterprint', false]])) {
    addEventListener(event, () => {
      setPrinting(printing);
      redraw();
    });
  }
}

start();
