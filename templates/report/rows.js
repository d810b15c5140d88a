// Rows of a panel by the names of their columns.

/** @typedef {string | number | null} Cell */

/**
 * @typedef {object} Panel
 * @property {string[]} charts
 * @property {string[]} columns
 * @property {Cell[][]} rows
 * @property {number} total
 * @property {Record<string, string>} software The jobs that no hardware computed, with what did.
 * @property {number | null} same_within The share of 1 that counts as the same, in a panel of ratios.
 */

/**
 * A row with its cells by name.
 * @typedef {Record<string, Cell>} Row
 */

/**
 * A figure for Plotly; `drawn` of `total` things are in it, and `more` is said below it.
 * @typedef {object} Figure
 * @property {object[]} data
 * @property {Record<string, any>} layout
 * @property {number} drawn
 * @property {number} total
 * @property {string} what
 * @property {string} [more]
 */

/**
 * @param {Panel} panel
 * @param {Cell[][]} rows
 * @returns {Row[]}
 */
export function named(panel, rows) {
  return rows.map((row) => Object.fromEntries(panel.columns.map((name, place) => [name, row[place] ?? null])));
}

/**
 * @param {Row} row
 * @param {string} column
 * @returns {number | null}
 */
export function number(row, column) {
  const cell = row[column];
  return typeof cell === 'number' ? cell : null;
}

/**
 * @param {Row} row
 * @param {string} column
 */
export function word(row, column) {
  return String(row[column] ?? '');
}

/**
 * What computed a row, if that is no hardware; else empty. A job may have run on hardware and elsewhere: where a row itself
 * says what computed it, its job's other rows do not count.
 * @param {Panel} panel
 * @param {Row} row
 */
export function software(panel, row) {
  const kind = word(row, 'adapter_kind');
  if (kind) return kind === 'hardware' || kind === 'none' ? '' : `${kind}: ${word(row, 'adapter')}`;
  return Object.hasOwn(panel.software, word(row, 'job_id')) ? panel.software[word(row, 'job_id')] : '';
}

/**
 * The same with its sign, as a line of a hover label.
 * @param {Panel} panel
 * @param {Row} row
 */
export function warning(panel, row) {
  const what = software(panel, row);
  return what ? `⚠ computed by ${what}` : '';
}

/**
 * A job's id, marked where no hardware computed it.
 * @param {Panel} panel
 * @param {Row} row
 */
export function marked(panel, row) {
  return `${software(panel, row) ? '⚠ ' : ''}${word(row, 'job_id')}`;
}

/**
 * What the filter looks for words in: a job's id, or where a row has none, all of its cells with their columns.
 * @param {string[]} columns
 * @param {(string | number | null | undefined)[]} cells
 */
export function searched(columns, cells) {
  const id = columns.indexOf('job_id');
  return id < 0 ? columns.map((name, place) => `${name}=${cells[place] ?? ''}`).join(' ') : String(cells[id] ?? '');
}

/**
 * @template T
 * @param {T[]} values
 * @param {(value: T) => string} key
 * @returns {Map<string, T[]>}
 */
export function grouped(values, key) {
  /** @type {Map<string, T[]>} */
  const groups = new Map();
  for (const value of values) {
    const group = groups.get(key(value));
    if (group) group.push(value);
    else groups.set(key(value), [value]);
  }
  return groups;
}

/**
 * Error bars from an interval about a value.
 * @param {Row[]} rows
 * @param {string} value
 * @param {string} low
 * @param {string} high
 */
export function errors(rows, value, low, high) {
  const reach = (/** @type {Row} */ row, /** @type {string} */ end) => {
    const [middle, limit] = [number(row, value), number(row, end)];
    return middle === null || limit === null ? 0 : Math.abs(limit - middle);
  };
  return {
    type: 'data',
    symmetric: false,
    array: rows.map((row) => reach(row, high)),
    arrayminus: rows.map((row) => reach(row, low)),
    thickness: 1.5,
    width: 3,
  };
}
